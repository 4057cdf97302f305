//! What becomes of single events.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::json;
use sluicebox_tests::lambda::{Function, Outcome};
use sluicebox_tests::pipeline::Pipeline;

use super::{deliver, error, failures, part};
use crate::orders;

/// No broker listens at this address: an event that joins the ledger needs none.
fn pipeline(name: &str) -> Result<Pipeline> {
    orders::pipeline(name, json!({"kafka": {"brokers": "127.0.0.1:1", "topics": [name]}}))
}

#[test]
fn rows_and_dead_letters_of_an_event_are_committed_and_a_repetition_changes_nothing() -> Result<()> {
    needs!(readers);
    let feed = orders::feed("events", 800);
    let pipeline = pipeline("events")?;
    let function = Function::of(&pipeline)?;
    // One partition alone, then all four with other boundaries, then a part again: by this process, and below by another.
    for records in
        [part(&feed, 1, 0..90).collect::<Vec<_>>(), feed.records.iter().collect(), part(&feed, 2, 5..17).collect()]
    {
        assert_eq!(failures(&deliver(&function, "events", records)?)?, []);
    }
    ensure!(function.cold_starts() == 1, "the environment was not used again");
    let versions = pipeline.versions("orders");
    assert_eq!(failures(&deliver(&Function::of(&pipeline)?, "events", &feed.records)?)?, []);
    assert_eq!(pipeline.versions("orders"), versions, "a repetition commits nothing");
    orders::ensure_exactly_once(&pipeline, &[&feed])?;
    let log = function.log()?;
    ensure!(log.contains(r#""requestId":"request-1""#), "lines do not carry the request's id:\n{log}");
    ensure!(!log.contains("order-17"), "the log quotes a payload:\n{log}");
    Ok(())
}

#[test]
fn an_event_of_another_topic_is_refused() -> Result<()> {
    let feed = orders::feed("strangers", 4);
    let pipeline = pipeline("locals")?;
    let function = Function::of(&pipeline)?;
    let outcome = deliver(&function, "strangers", &feed.records)?;
    ensure!(error(&outcome)?.contains("the topic `strangers`, which `source.kafka` of this pipeline does not name"));
    let outcome = function.invoke(br#"{"Records": []}"#.to_vec(), super::TIMEOUT)?;
    ensure!(error(&outcome)?.contains("neither an event of Kafka"), "{outcome:?}");
    Ok(())
}

#[test]
fn a_tripped_breaker_names_its_partitions_and_the_process_lives() -> Result<()> {
    let mut feed = orders::feed("tripped", 400);
    let first = feed.records.iter_mut().filter(|placed| placed.message.partition == 0);
    first.for_each(|placed| placed.message.value = Some(b"no order".to_vec()));
    let mut pipeline = pipeline("tripped")?;
    pipeline.settings["breaker"] = json!({"window_records": 50, "rejected_share_max": 0.5});
    let function = Function::of(&pipeline)?;
    for _again in 0..2 {
        let outcome = deliver(&function, "tripped", part(&feed, 0, 0..100))?;
        assert_eq!(failures(&outcome)?, [("tripped-0", 0)]);
    }
    ensure!(function.cold_starts() == 1, "the process has ended");
    ensure!(function.log()?.contains("not committed, to be delivered again: E0301"), "{}", function.log()?);

    pipeline.settings["lambda"] = json!({"partial_responses": false});
    let outcome = deliver(&Function::of(&pipeline)?, "tripped", part(&feed, 0, 0..100))?;
    ensure!(error(&outcome)?.starts_with("not committed: tripped/0 from offset 0 on: E0301"), "{outcome:?}");
    Ok(())
}

#[test]
fn a_loop_does_not_make_an_event_late() -> Result<()> {
    let mut feed = orders::feed("loops", 40);
    feed.records.iter_mut().for_each(|placed| placed.message.value = Some(br#"{"poison": "loop"}"#.to_vec()));
    let source = json!({"kafka": {"brokers": "127.0.0.1:1", "topics": ["loops"]}});
    let mut pipeline = Pipeline::new("loops", "orders_with_poison", &["orders"], source)?;
    pipeline.settings["breaker"] = json!("off");
    let function = Function::of(&pipeline)?;
    let started = Instant::now();
    let mut left: Vec<_> = part(&feed, 0, 0..10).collect();
    while !left.is_empty() {
        let outcome = function
            .invoke(sluicebox_tests::lambda::event::event("loops", left.iter().copied()), Duration::from_secs(4))?;
        let Some((_, first)) = failures(&outcome)?.first().copied() else { break };
        ensure!(
            !left.iter().all(|placed| placed.offset >= first),
            "nothing was committed before the deadline: {outcome:?}"
        );
        left.retain(|placed| placed.offset >= first);
        ensure!(started.elapsed() < super::TIMEOUT, "the event is not done in time");
    }
    Ok(())
}

#[test]
fn an_event_without_records_is_done_at_once() -> Result<()> {
    let pipeline = pipeline("nothing")?;
    let function = Function::of(&pipeline)?;
    let outcome = function.invoke(br#"{"eventSource": "aws:kafka", "records": {}}"#.to_vec(), super::TIMEOUT)?;
    assert_eq!(outcome, Outcome::Answered(json!({"batchItemFailures": []})));
    Ok(())
}
