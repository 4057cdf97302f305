//! Offsets that no record has: aborted transactions, commit markers, compaction. They are no loss.

use std::time::Duration;

use anyhow::Result;
use rdkafka::producer::{BaseProducer, Producer};
use sluicebox_tests::feed::Feed;
use sluicebox_tests::kafka::{Cluster, Message};
use sluicebox_tests::pipeline::await_until;
use sluicebox_tests::tables;

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
