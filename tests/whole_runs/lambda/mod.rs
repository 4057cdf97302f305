//! The pipeline as an AWS Lambda function: the real `bootstrap` behind an emulator of the Runtime API.

use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::Value;
use sluicebox_tests::feed::{Feed, Placed};
use sluicebox_tests::lambda::event::event;
use sluicebox_tests::lambda::{Function, Outcome};

mod conformance;
mod drain;
mod events;
mod functions;
mod gaps;
mod promotion;
mod storm;
mod switch;

const TIMEOUT: Duration = Duration::from_secs(60);

/// Delivers records as one event.
fn deliver<'a>(function: &Function, topic: &str, records: impl IntoIterator<Item = &'a Placed>) -> Result<Outcome> {
    function.invoke(event(topic, records), TIMEOUT)
}

/// The records of one partition within a range of offsets.
fn part(feed: &Feed, partition: i32, offsets: std::ops::Range<i64>) -> impl Iterator<Item = &Placed> {
    feed.records.iter().filter(move |placed| placed.message.partition == partition && offsets.contains(&placed.offset))
}

/// The partitions and offsets that a partial response names.
fn failures(outcome: &Outcome) -> Result<Vec<(&str, i64)>> {
    let Outcome::Answered(answer) = outcome else { bail!("no answer, but {outcome:?}") };
    let named = answer["batchItemFailures"].as_array().map_or(&[][..], Vec::as_slice).iter().map(|failure| {
        let item = &failure["itemIdentifier"];
        (item["partition"].as_str().unwrap_or_default(), item["offset"].as_i64().unwrap_or(-1))
    });
    Ok(named.collect())
}

/// The message of a function error.
fn error(outcome: &Outcome) -> Result<&str> {
    match outcome {
        Outcome::Failed(error) => Ok(error.get("errorMessage").and_then(Value::as_str).unwrap_or_default()),
        other => bail!("no function error, but {other:?}"),
    }
}
