//! Records that make a transform fail. Each ends as a row or as a dead letter with its original bytes, and the process lives.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use sluicebox::Bytes;
use sluicebox_tests::feed::Feed;
use sluicebox_tests::kafka::{Cluster, Message};
use sluicebox_tests::native::{Expected, ensure_same, timeless};
use sluicebox_tests::pipeline::Pipeline;
use sluicebox_tests::tables;

use crate::kafka::source;
use crate::orders;

/// Every kind of bad record, by name.
fn every_kind() -> Vec<(&'static str, Message)> {
    let value = |value: &[u8]| Message { timestamp: Some(1), ..Message::new(0, value) };
    let order = |field: &str, json: &str| value(orders::with(field, json).as_bytes());
    let good = orders::order(0);
    let headers = |count: usize, name: fn(usize) -> String| {
        (0..count).map(|n| (name(n), Some(vec![0xff, n as u8]))).collect::<Vec<_>>()
    };
    vec![
        ("empty", value(b"")),
        ("tombstone", Message { value: None, key: Some(b"k".to_vec()), ..value(b"") }),
        ("null key and value", Message { value: None, ..value(b"") }),
        ("empty key", Message { key: Some(vec![]), ..value(b"{") }),
        ("not UTF-8", value(b"{\"id\": \"\xff\xfe\"}")),
        ("key not UTF-8", Message { key: Some(vec![0xff, 0x00]), ..value(b"[]") }),
        ("10,000 deep", value("[".repeat(10_000).as_bytes())),
        ("10,000 deep and closed", value(("{\"a\":".repeat(10_000) + "1" + &"}".repeat(10_000)).as_bytes())),
        ("5 MB", value(&vec![b'x'; 5_000_000])),
        ("5 MB of one field", order("id", &format!("\"{}\"", "y".repeat(5_000_000)))),
        ("number overflow", order("amount", "1e400")),
        ("integer overflow", order("amount", "99999999999999999999999999999999999999999")),
        ("NaN", order("amount", "NaN")),
        ("wrong type", order("amount", "{\"a\": []}")),
        ("missing required column", value(b"{}")),
        ("null in a required column", order("id", "null")),
        ("10,000 headers", Message { headers: headers(10_000, |n| format!("h{n}")), ..value(b"!") }),
        ("duplicate header names", Message { headers: headers(3, |_| "same".into()), ..value(b"!") }),
        ("header without value", Message { headers: vec![("h".into(), None)], ..value(b"!") }),
        ("good, with 10,000 headers", Message { headers: headers(10_000, |_| "same".into()), ..good }),
    ]
}

#[test]
fn every_bad_kind_ends_as_a_row_or_a_dead_letter_with_its_bytes() -> Result<()> {
    needs!(kafka, readers);
    let cluster = Cluster::shared()?;
    let mut feed = Feed::new("every-kind");
    feed.extend(
        every_kind().into_iter().flat_map(|(_, bad)| [orders::order(1), bad]).map(|m| Message { partition: 0, ..m }),
    );
    feed.produce(cluster)?;
    let pipeline = orders::pipeline("every-kind", source(cluster, &["every-kind"]))?;
    pipeline.drain()?;
    orders::ensure_exactly_once(&pipeline, &[&feed])?;

    // The expectation is computed from the bytes that the test produced; Kafka's own copy has to agree.
    let read = Feed::read(cluster, "every-kind", 1)?;
    for (sent, found) in feed.records.iter().zip(&read.records) {
        assert_eq!((sent.offset, &sent.message), (found.offset, &found.message));
    }
    Ok(())
}

#[test]
fn a_partition_of_only_poison_advances() -> Result<()> {
    needs!(kafka, readers);
    let cluster = Cluster::shared()?;
    let mut feed = Feed::new("only-poison");
    feed.extend((1..=3_000).map(|n| Message { timestamp: Some(n), ..Message::new(0, format!("poison {n}")) }));
    feed.produce(cluster)?;
    let pipeline = orders::pipeline("only-poison", source(cluster, &["only-poison"]))?;
    pipeline.drain()?;

    orders::ensure_exactly_once(&pipeline, &[&feed])?;
    let ledger = tables::ledger(&pipeline.table("orders"), "only-poison", "only-poison", 1)?;
    assert_eq!(ledger, [Some(3_000)], "the table's own ledger moves, though it has no row");
    let dead_letters = tables::rows(&pipeline.table("dead_letters"))?;
    let last = dead_letters.last().context("no dead letter")?;
    for name in ["message", "transform_name", "transform_version", "transform_digest", "correlation_id", "rejected_at"]
    {
        assert!(!last[name].is_null(), "a dead letter says its {name}: {last}");
    }
    assert_eq!(last["pipeline"], "only-poison");
    Ok(())
}

/// Each record takes a second or two; all together take longer than the group waits for a heartbeat.
#[test]
fn a_partition_of_only_loops_keeps_its_place_in_the_group() -> Result<()> {
    needs!(kafka, readers);
    const LOOPS: usize = 9;
    let cluster = Cluster::shared()?;
    let mut feed = Feed::new("only-loops");
    let order = orders::with("poison", "\"loop\"");
    feed.extend((0..LOOPS).map(|_| Message::new(0, order.as_bytes())));
    feed.produce(cluster)?;
    let mut source = source(cluster, &["only-loops"]);
    source["kafka"]["properties"] = json!({"max.poll.interval.ms": "12000", "session.timeout.ms": "6000"});
    let pipeline = Pipeline::new("only-loops", "orders_with_poison", &["orders"], source)?;
    let mut run = pipeline.start(&["--drain"])?;
    ensure!(run.wait(Duration::from_secs(120))?.success(), "{}", run.said());
    ensure!(!run.said().contains("maximum poll interval"), "the group took it for dead:\n{}", run.said());

    let dead_letters = tables::rows(&pipeline.table("dead_letters"))?;
    assert!(dead_letters.iter().all(|row| row["code"] == "limit_fuel"));
    let offsets: Vec<_> = dead_letters.iter().map(|row| row["offset"].as_u64()).collect();
    assert_eq!(offsets, (0..LOOPS as u64).map(Some).collect::<Vec<_>>());
    Ok(())
}

#[test]
fn a_record_that_loops_or_hoards_or_panics_costs_only_itself() -> Result<()> {
    needs!(kafka, readers);
    let cluster = Cluster::shared()?;
    let mut feed = orders::feed("misbehaviour", 2_000);
    let poison = [(300, "loop"), (301, "memory"), (302, "panic"), (900, "panic"), (1_500, "loop"), (1_999, "memory")];
    for (place, kind) in poison {
        let order = orders::with("poison", &format!("\"{kind}\""));
        feed.records[place].message.value = Some(order.into_bytes());
    }
    feed.produce(cluster)?;
    let source = source(cluster, &["misbehaviour"]);
    let pipeline = Pipeline::new("misbehaviour", "orders_with_poison", &["orders"], source)?;
    pipeline.drain()?;

    let (by_sandbox, by_transform): (Vec<_>, Vec<_>) =
        tables::rows(&pipeline.table("dead_letters"))?.into_iter().partition(|row| row["stage"] == "sandbox");
    let mut found: Vec<_> =
        by_sandbox.iter().map(|row| (row["partition"].clone(), row["offset"].clone(), row["value"].clone())).collect();
    let mut sent: Vec<_> = poison
        .iter()
        .map(|(place, _)| &feed.records[*place])
        .map(|record| {
            (json!(record.message.partition), json!(record.offset), json!(record.message.value.clone().map(Bytes)))
        })
        .collect();
    found.sort_by_key(|row| format!("{row:?}"));
    sent.sort_by_key(|row| format!("{row:?}"));
    assert_eq!(found, sent, "only the guilty records are dead letters, with their bytes");
    assert!(by_sandbox.iter().all(|row| row["code"].is_string() && row["message"].is_string()));

    // The transform judges all other records like the one without the switch.
    let mut places = 0..;
    feed.records.retain(|_| places.next().is_none_or(|place| poison.iter().all(|(guilty, _)| *guilty != place)));
    let expected = Expected::of::<clean_orders::clean>(&json!({}), &[&feed])?;
    ensure_same("orders", &tables::rows(&pipeline.table("orders"))?, &expected.tables["orders"])?;
    let by_transform: Vec<_> = by_transform.iter().map(timeless).collect();
    ensure_same("dead letters", &by_transform, &expected.dead_letters)
}
