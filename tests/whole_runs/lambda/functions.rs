//! Functions that commit to one table at once, each for a partition of its own: all get through, round after round.

use std::time::Duration;

use anyhow::{Result, anyhow, ensure};
use serde_json::json;
use sluicebox_tests::feed::Feed;
use sluicebox_tests::kafka::Message;
use sluicebox_tests::lambda::event::event;
use sluicebox_tests::lambda::{Function, Outcome};
use sluicebox_tests::s3::S3;

use crate::orders;

const FUNCTIONS: usize = 24;
const ROUNDS: usize = 10;
const RECORDS: usize = 20;
const TIMEOUT: Duration = Duration::from_secs(120);

#[test]
fn twenty_four_invocations_at_once_commit_ten_times_each() -> Result<()> {
    needs!(s3, readers);
    let store = S3::shared()?;
    let mut feed = Feed::new("crowd");
    feed.extend(
        (0..FUNCTIONS * ROUNDS * RECORDS)
            .map(|number| Message { partition: (number % FUNCTIONS) as i32, ..orders::order(number) }),
    );
    let source = json!({"kafka": {"brokers": "127.0.0.1:1", "topics": ["crowd"]}});
    let pipeline = orders::pipeline("crowd", source)?.on_s3(store, store.address().to_owned());
    let function = Function::of(&pipeline)?;
    let committed: usize = (0..ROUNDS).map(|round| play(&function, &feed, round)).sum::<Result<usize>>()?;
    ensure!(committed == FUNCTIONS * ROUNDS, "{committed} of {} committed:\n{}", FUNCTIONS * ROUNDS, function.log()?);
    orders::ensure_exactly_once(&pipeline, &[&feed])
}

/// Invokes all functions at once, and returns how many committed.
fn play(function: &Function, feed: &Feed, round: usize) -> Result<usize> {
    let offsets = (round * RECORDS) as i64..((round + 1) * RECORDS) as i64;
    std::thread::scope(|scope| {
        let invocations: Vec<_> = (0..FUNCTIONS as i32)
            .map(|partition| {
                let of_partition = feed.records.iter().filter(|placed| placed.message.partition == partition);
                let event = event("crowd", of_partition.filter(|placed| offsets.contains(&placed.offset)));
                scope.spawn(move || function.invoke(event, TIMEOUT))
            })
            .collect();
        let mut committed = 0;
        for invocation in invocations {
            let outcome = invocation.join().map_err(|_| anyhow!("an invocation panicked"))??;
            committed += usize::from(outcome == Outcome::Answered(json!({"batchItemFailures": []})));
        }
        Ok(committed)
    })
}
