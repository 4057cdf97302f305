//! Events that do not join the ledger: the function never skips records in silence that Lambda did not deliver.

use std::process::Command;

use anyhow::{Result, ensure};
use serde_json::json;
use sluicebox_tests::kafka::Cluster;
use sluicebox_tests::lambda::Function;
use sluicebox_tests::pipeline::{Pipeline, await_until};
use sluicebox_tests::{place, tables};

use super::{deliver, failures, part};
use crate::kafka::source;
use crate::orders;

fn ensure_audited(pipeline: &Pipeline) -> Result<()> {
    let output = Command::new(place::sluicebox()?).arg("audit").arg(pipeline.write()?).output()?;
    ensure!(output.status.success(), "the audit says:\n{}", String::from_utf8_lossy(&output.stdout));
    Ok(())
}

#[test]
fn records_that_were_not_delivered_stop_their_partition_until_a_drain_has_taken_them_in() -> Result<()> {
    needs!(kafka, readers);
    let cluster = Cluster::shared()?;
    let feed = orders::feed("undelivered", 400);
    feed.produce(cluster)?;
    let pipeline = orders::pipeline("undelivered", source(cluster, &["undelivered"]))?;
    let function = Function::of(&pipeline)?;
    assert_eq!(failures(&deliver(&function, "undelivered", part(&feed, 0, 0..40))?)?, []);
    let records = part(&feed, 0, 60..100).chain(part(&feed, 1, 0..100));
    assert_eq!(failures(&deliver(&function, "undelivered", records)?)?, [("undelivered-0", 60)]);
    let said =
        "E0205 undelivered/0: offsets 40..60 were not delivered, but the topic has records there, the first at 40";
    ensure!(function.log()?.contains(said), "{}", function.log()?);
    let ledger = tables::ledger(&pipeline.table("orders"), "undelivered", "undelivered", 2)?;
    assert_eq!(ledger, [Some(40), Some(100)], "the other partition goes on");

    pipeline.drain()?;
    assert_eq!(failures(&deliver(&function, "undelivered", part(&feed, 0, 60..100))?)?, []);
    ensure_audited(&pipeline)?;
    orders::ensure_exactly_once(&pipeline, &[&feed])
}

#[test]
fn a_gap_without_records_is_none() -> Result<()> {
    needs!(kafka, readers);
    let cluster = Cluster::shared()?;
    let mut feed = orders::feed("event-markers", 400);
    feed.produce(cluster)?;
    // The deleted offsets stand for markers of transactions, or for compacted records.
    cluster.delete_records("event-markers", 0, 60)?;
    let pipeline = orders::pipeline("event-markers", source(cluster, &["event-markers"]))?;
    let function = Function::of(&pipeline)?;
    assert_eq!(failures(&deliver(&function, "event-markers", part(&feed, 0, 0..60))?)?, []);
    assert_eq!(failures(&deliver(&function, "event-markers", part(&feed, 0, 60..100))?)?, []);
    assert_eq!(failures(&deliver(&function, "event-markers", part(&feed, 1, 0..100))?)?, []);
    // Offsets below the topic's beginning that no table has taken in are an ordinary loss.
    cluster.delete_records("event-markers", 2, 50)?;
    assert_eq!(failures(&deliver(&function, "event-markers", part(&feed, 2, 0..20))?)?, []);
    assert_eq!(failures(&deliver(&function, "event-markers", part(&feed, 2, 50..100))?)?, [("event-markers-2", 50)]);
    ensure!(function.log()?.contains("E0201 event-markers/2: offsets 20..50 are gone"), "{}", function.log()?);
    ensure_audited(&pipeline)?;
    feed.records.retain(|placed| match placed.message.partition {
        2 => placed.offset < 20,
        3 => false,
        _ => true,
    });
    orders::ensure_exactly_once(&pipeline, &[&feed])
}

#[test]
fn where_nobody_can_be_asked_a_gap_stops_its_partition_unless_gaps_are_accepted() -> Result<()> {
    let feed = orders::feed("unasked", 400);
    let mut pipeline =
        orders::pipeline("unasked", json!({"kafka": {"brokers": "127.0.0.1:1", "topics": ["unasked"]}}))?;
    let function = Function::of(&pipeline)?;
    assert_eq!(failures(&deliver(&function, "unasked", part(&feed, 0, 0..40))?)?, []);
    assert_eq!(failures(&deliver(&function, "unasked", part(&feed, 0, 60..100))?)?, [("unasked-0", 60)]);
    ensure!(function.log()?.contains("E0205 unasked/0: offsets 40..60 were not delivered, and the brokers could not"));

    pipeline.settings["lambda"] = json!({"gaps": "accept"});
    let function = Function::of(&pipeline)?;
    assert_eq!(failures(&deliver(&function, "unasked", part(&feed, 0, 60..100))?)?, []);
    let skip = json!({"topic": "unasked", "partition": 0, "from": 40, "to": 60, "why": "accepted_gap"});
    let skips = tables::commits(&pipeline.table("orders"))?;
    let skips: Vec<_> =
        skips.iter().filter_map(|commit| commit.pointer("/skips/0")).filter(|skip| skip["why"] != "start").collect();
    assert_eq!(skips, [&skip]);
    ensure_audited(&pipeline)
}

#[test]
fn another_topic_of_the_same_name_is_not_taken_for_a_repetition() -> Result<()> {
    needs!(kafka);
    let cluster = Cluster::shared()?;
    let feed = orders::feed("remade", 400);
    feed.produce(cluster)?;
    let pipeline = orders::pipeline("remade", source(cluster, &["remade"]))?;
    pipeline.drain()?;
    cluster.delete_topic("remade")?;
    feed.produce(cluster)?;
    let function = Function::of(&pipeline)?;
    assert_eq!(failures(&deliver(&function, "remade", part(&feed, 3, 0..100))?)?, [("remade-3", 0)]);
    ensure!(function.log()?.contains("E0203 remade/3: the topic has been deleted"), "{}", function.log()?);
    Ok(())
}

/// Only events have filled the tables, and the records of the new topic reach beyond the ledger.
#[test]
fn another_topic_is_noticed_by_a_function_that_never_drained() -> Result<()> {
    needs!(kafka, readers);
    let cluster = Cluster::shared()?;
    let feed = orders::feed("renewed", 400);
    feed.produce(cluster)?;
    let pipeline = orders::pipeline("renewed", source(cluster, &["renewed"]))?;
    let function = Function::of(&pipeline)?;
    let mut delivered = 0;
    // The function asks for the topic's id in the background, and commits it with the next event.
    await_until("the ledger knows its topic", super::TIMEOUT, || {
        if delivered < 50 {
            delivered += 5;
            assert_eq!(failures(&deliver(&function, "renewed", part(&feed, 2, delivered - 5..delivered))?)?, []);
        }
        Ok(tables::topic_id(&pipeline.table("orders"), "renewed", "renewed", 2)?.is_some())
    })?;
    cluster.delete_topic("renewed")?;
    feed.produce(cluster)?;
    let function = Function::of(&pipeline)?;
    assert_eq!(failures(&deliver(&function, "renewed", part(&feed, 2, 0..80))?)?, [("renewed-2", 0)]);
    ensure!(function.log()?.contains("E0203 renewed/2: the topic has been deleted"), "{}", function.log()?);
    Ok(())
}
