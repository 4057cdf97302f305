//! Offsets that no record has: aborted transactions, commit markers, compaction. They are no loss.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rdkafka::producer::{BaseProducer, Producer};
use sluicebox_tests::feed::Feed;
use sluicebox_tests::kafka::{Cluster, Message};
use sluicebox_tests::pipeline::await_until;
use sluicebox_tests::{place, tables};

use crate::kafka::source;
use crate::orders;

const TIMEOUT: Duration = Duration::from_secs(30);

#[test]
fn aborted_transactions_leave_no_trace_and_no_gap() -> Result<()> {
    needs!(kafka, readers);
    let cluster = Cluster::shared()?;
    cluster.create_topic("transactions", 1, &[])?;
    let producer: BaseProducer = cluster.client().set("transactional.id", "transactions").create()?;
    producer.init_transactions(TIMEOUT)?;
    for (round, chunk) in orders::feed("transactions", 60).records.chunks(10).enumerate() {
        producer.begin_transaction()?;
        for record in chunk {
            let message = Message { partition: 0, ..record.message.clone() };
            producer.send(message.record("transactions")).map_err(|(error, _)| error)?;
        }
        producer.flush(TIMEOUT)?;
        // The last one aborts: the partition ends with offsets that no consumer may read.
        if round % 2 == 0 { producer.commit_transaction(TIMEOUT)? } else { producer.abort_transaction(TIMEOUT)? }
    }

    let pipeline = orders::pipeline("transactions", source(cluster, &["transactions"]))?;
    pipeline.drain()?;
    pipeline.drain()?;
    let visible = Feed::read(cluster, "transactions", 1)?;
    assert_eq!(visible.records.len(), 30, "three of six transactions were committed");
    orders::ensure_exactly_once(&pipeline, &[&visible])?;
    let ledger = tables::ledger(&pipeline.table("orders"), "transactions", "transactions", 1)?;
    let last = visible.records.last().map(|record| record.offset);
    assert!(ledger[0] > last, "the ledger {ledger:?} is past the last visible record {last:?}");
    Ok(())
}

/// Records of one partition in one transaction.
fn transact(producer: &BaseProducer, topic: &str, messages: &[Message], commits: bool) -> Result<()> {
    producer.begin_transaction()?;
    for message in messages {
        producer.send(message.record(topic)).map_err(|(error, _)| error)?;
    }
    producer.flush(TIMEOUT)?;
    if commits {
        producer.commit_transaction(TIMEOUT)?
    } else {
        producer.abort_transaction(TIMEOUT)?
    }
    Ok(())
}

/// As retention does with a topic that rests: all of it.
fn expire(cluster: &Cluster, topic: &str, partitions: i32) -> Result<Vec<Option<i64>>> {
    let mut ends = Vec::new();
    for partition in 0..partitions {
        let (_, end) = cluster.offsets(topic, partition)?;
        cluster.delete_records(topic, partition, end)?;
        ends.push(Some(end));
    }
    Ok(ends)
}

#[test]
fn markers_at_the_end_of_a_partition_that_rests_are_passed_over_before_retention_takes_them() -> Result<()> {
    needs!(kafka, readers);
    let cluster = Cluster::shared()?;
    cluster.create_topic("markers", 2, &[])?;
    let producer: BaseProducer = cluster.client().set("transactional.id", "markers").create()?;
    producer.init_transactions(TIMEOUT)?;
    let in_partition = |partition: i32, numbers: std::ops::Range<usize>| -> Vec<Message> {
        numbers.map(|number| Message { partition, ..orders::order(number) }).collect()
    };
    let mut feed = Feed::new("markers");
    let mut pipeline = orders::pipeline("markers", source(cluster, &["markers"]))?;
    pipeline.settings["flush"] = serde_json::json!({"interval": "200ms"});
    let ledger = |table: &str| tables::ledger(&pipeline.table(table), "markers", "markers", 2);

    // A drain ends with the ledger at the end: a commit's marker in one partition, an aborted transaction in the other.
    transact(&producer, "markers", &in_partition(0, 0..10), true)?;
    transact(&producer, "markers", &in_partition(1, 10..20), true)?;
    transact(&producer, "markers", &in_partition(1, 20..25), false)?;
    feed.records.extend(Feed::read(cluster, "markers", 2)?.records);
    pipeline.drain()?;
    let ends = expire(cluster, "markers", 2)?;
    assert_eq!(ends, [Some(11), Some(17)]);
    assert_eq!((ledger("orders")?, ledger("dead_letters")?), (ends.clone(), ends));
    pipeline.drain()?;

    // So does a worker whose partitions rest, also where its last transaction brings no record.
    let mut run = pipeline.start(&[])?;
    transact(&producer, "markers", &in_partition(0, 25..30), true)?;
    transact(&producer, "markers", &in_partition(1, 30..33), false)?;
    feed.records.extend(Feed::read(cluster, "markers", 2)?.records);
    let ends = [17, 21].map(Some);
    let reached = await_until("the ledgers are at the ends", Duration::from_secs(60), || {
        ensure!(run.lives()?, "it ended:\n{}", run.said());
        Ok(ledger("orders")? == ends && ledger("dead_letters")? == ends)
    });
    reached.with_context(|| run.said())?;
    run.terminate()?;
    ensure!(run.wait(TIMEOUT)?.success(), "it did not end well:\n{}", run.said());
    assert_eq!(expire(cluster, "markers", 2)?, ends);
    let versions = pipeline.versions("orders");
    pipeline.drain()?;
    assert_eq!(pipeline.versions("orders"), versions, "there is nothing more to take in");

    ensure!(!pipeline.log()?.contains("E0201"), "{}", pipeline.log()?);
    let audit = std::process::Command::new(place::sluicebox()?).arg("audit").arg(pipeline.write()?).output()?;
    ensure!(audit.status.success(), "the audit says:\n{}", String::from_utf8_lossy(&audit.stdout));
    orders::ensure_exactly_once(&pipeline, &[&feed])
}

#[test]
fn compaction_gaps_are_no_loss() -> Result<()> {
    needs!(kafka, readers);
    let cluster = Cluster::shared()?;
    let eager = [
        ("cleanup.policy", "compact"),
        ("segment.ms", "500"),
        ("min.cleanable.dirty.ratio", "0.01"),
        ("max.compaction.lag.ms", "500"),
    ];
    cluster.create_topic("compacted", 1, &eager)?;
    let keyed = |number: usize, message: &Message| {
        let value = if number % 50 == 49 { None } else { message.value.clone() };
        // Squares: a key's last record is not where its neighbours' are, so there will be gaps between those that stay.
        let key = Some(format!("customer {}", number * number % 101).into_bytes());
        // Kafka takes a segment's age from its records' timestamps, so these records carry the time of now.
        Message { partition: 0, key, value, timestamp: None, ..message.clone() }
    };
    let feed = orders::feed("compacted", 400);
    let messages: Vec<_> = feed.records.iter().enumerate().map(|(n, record)| keyed(n, &record.message)).collect();
    await_until("the cleaner has made gaps", Duration::from_secs(60), || {
        // Kafka cleans only closed segments; another round of records closes the last.
        cluster.produce("compacted", &messages)?;
        std::thread::sleep(Duration::from_secs(1));
        let left = cluster.read("compacted", 0)?;
        Ok(left.windows(2).any(|pair| pair[1].offset > pair[0].offset + 1))
    })?;

    let pipeline = orders::pipeline("compacted", source(cluster, &["compacted"]))?;
    // The cleaner goes on, so the test may read fewer records than the pipeline did.
    let before = Feed::read(cluster, "compacted", 1)?;
    pipeline.drain()?;
    let after = Feed::read(cluster, "compacted", 1)?;
    orders::ensure_between(&pipeline, &after, &before)
}
