//! The adversaries through the container, with tables in a folder and on S3, and through the Lambda function: each record is a
//! row or a dead letter, nothing panics, ends or backs off, and what the processes say holds no value of a record.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use sluicebox_tests::http::{free_address, get};
use sluicebox_tests::kafka::Cluster;
use sluicebox_tests::lambda::event::event;
use sluicebox_tests::lambda::{Function, Outcome};
use sluicebox_tests::pipeline::{Pipeline, await_until};
use sluicebox_tests::s3::S3;
use sluicebox_tests::tables;

use super::adversaries::{CANARY, PARTITIONS, Story};
use super::compare;
use crate::kafka::source;

const PATIENCE: Duration = Duration::from_secs(60);
const TABLES: [&str; 3] = ["plain", "by_text", "by_at"];
/// What a process says when it did not go on as if nothing had happened.
const ALARMS: [&str; 7] = ["panic", "\"ERROR\"", "\"WARN\"", "flush failed", "going back", "retry", "restart"];

fn pipeline(name: &str, source: serde_json::Value) -> Result<Pipeline> {
    let mut pipeline = Pipeline::new(name, "echo", &TABLES, source)?;
    pipeline.settings["breaker"] = json!("off");
    Ok(pipeline)
}

#[test]
fn adversaries_become_rows_or_dead_letters_in_a_container() -> Result<()> {
    needs!(kafka, readers);
    let cluster = Cluster::shared()?;
    ensure_container(cluster, "adversaries", Ok)
}

#[test]
fn adversaries_become_rows_or_dead_letters_on_s3() -> Result<()> {
    needs!(kafka, s3, readers);
    let cluster = Cluster::shared()?;
    ensure_container(cluster, "adversaries-s3", |pipeline| {
        let store = S3::shared()?;
        Ok(pipeline.on_s3(store, store.address().to_owned()))
    })
}

fn ensure_container(cluster: &Cluster, name: &str, placed: impl Fn(Pipeline) -> Result<Pipeline>) -> Result<()> {
    let story = Story::of(name);
    // Brokers of today refuse timestamps of tomorrow, unless a topic says otherwise.
    let settings = [("max.message.bytes", "16777216"), ("message.timestamp.after.max.ms", "9223372036854775807")];
    cluster.create_topic(name, PARTITIONS, &settings)?;
    cluster.produce(name, story.feed.records.iter().map(|record| &record.message))?;
    let mut pipeline = placed(pipeline(name, source(cluster, &[name]))?)?;
    let address = free_address()?;
    pipeline.settings["http"] = json!({"listen": address.to_string()});
    pipeline.settings["flush"] = json!({"interval": "1s"});
    let mut run = pipeline.start(&[])?;
    let ends: Vec<_> = (0..PARTITIONS).map(|partition| Some(story.feed.end(partition))).collect();
    let taken_in = await_until("all records are taken in", PATIENCE, || {
        ensure!(run.lives()?, "the process ended");
        let ledger = tables::ledger(pipeline.location("plain"), name, name, PARTITIONS);
        Ok(ledger.is_ok_and(|ledger| ledger == ends))
    });
    taken_in.with_context(|| run.said())?;
    for path in ["/live", "/ready", "/status", "/metrics"] {
        let (code, body) = get(address, path)?;
        ensure!(code == 200, "{path} answers {code}: {body}");
        ensure!(!body.contains(CANARY), "{path} holds a value of a record");
    }
    run.terminate()?;
    let status = run.wait(PATIENCE)?;
    ensure!(status.success(), "it ended with {status}:\n{}", run.said());
    ensure_told(&pipeline, &story, &pipeline.log()?)
}

#[test]
fn adversaries_become_rows_or_dead_letters_in_a_function() -> Result<()> {
    needs!(readers);
    let story = Story::of("adversaries-lambda");
    let name = &story.feed.topic;
    // No broker listens at this address: an event that joins the ledger needs none.
    let pipeline = pipeline(name, json!({"kafka": {"brokers": "127.0.0.1:1", "topics": [name]}}))?;
    let function = Function::of(&pipeline)?;
    for records in story.feed.records.chunks(40) {
        let outcome = function.invoke(event(name, records), PATIENCE)?;
        ensure!(outcome == Outcome::Answered(json!({"batchItemFailures": []})), "{outcome:?}: {}", function.log()?);
    }
    ensure!(function.cold_starts() == 1, "the function was restarted {} times", function.cold_starts() - 1);
    ensure_told(&pipeline, &story, &function.log()?)
}

/// The tables hold what they must, each record once, and the log is calm and quotes nothing.
fn ensure_told(pipeline: &Pipeline, story: &Story, log: &str) -> Result<()> {
    for line in log.lines() {
        ensure!(!line.contains(CANARY), "the log holds a value of a record: {line}");
        // On S3 the library calls it an error that a table does not exist yet; and the function's broker is not there.
        let is_calm = line.contains("No files in log segment") || line.contains("Connect to ipv4#127.0.0.1:1 failed");
        let alarm = ALARMS.into_iter().find(|alarm| line.contains(alarm) && !is_calm);
        ensure!(alarm.is_none(), "the log has an alarm: {line}");
    }
    let mut files = Vec::new();
    let mut environment = Vec::new();
    for (table, rows) in &story.rows {
        let location = pipeline.location(table);
        let lines: Vec<String> =
            [json!({"table": location.path})].iter().chain(rows).map(ToString::to_string).collect();
        let file = pipeline.folder().join(format!("{table}.expected"));
        fs::write(&file, lines.join("\n"))?;
        files.push(file);
        environment = location.environment;
    }
    compare(&files, &environment)?;
    let dead_letters = tables::rows(pipeline.location("dead_letters"))?;
    let rows: usize = story.rows.iter().map(|(_, rows)| rows.len()).sum();
    ensure!(
        dead_letters.len() == story.dead_letters,
        "{} dead letters, not {}",
        dead_letters.len(),
        story.dead_letters
    );
    assert_eq!(rows + dead_letters.len(), story.feed.records.len());
    for letter in &dead_letters {
        let message = letter["message"].as_str().unwrap_or_default();
        ensure!(!message.contains(CANARY), "the message of a dead letter holds a value: {letter}");
    }
    Ok(())
}
