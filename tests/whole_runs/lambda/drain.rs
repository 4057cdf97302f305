//! Without an event source: on a schedule, the function reads from Kafka itself.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use serde_json::Value;
use sluicebox_tests::feed::Feed;
use sluicebox_tests::kafka::Cluster;
use sluicebox_tests::lambda::{Function, Outcome};
use sluicebox_tests::registry::{follows_prod, judge_of, promote, push};

use crate::kafka::source;
use crate::orders;

fn drain(function: &Function, event: &str, timeout: Duration) -> Result<Value> {
    match function.invoke(event.as_bytes().to_vec(), timeout)? {
        Outcome::Answered(figures) => Ok(figures),
        other => bail!("the drain ended with {other:?}:\n{}", function.log()?),
    }
}

#[test]
fn a_schedule_drains_to_the_end_in_as_many_invocations_as_it_takes() -> Result<()> {
    needs!(kafka, readers);
    let cluster = Cluster::shared()?;
    let feed = orders::feed("scheduled", 20_000);
    feed.produce(cluster)?;
    let pipeline = orders::pipeline("scheduled", source(cluster, &["scheduled"]))?;
    let function = Function::of(&pipeline)?;
    let mut records = 0;
    // A deadline just long enough to join the group: the function stops by itself before Lambda would kill it.
    for _ in 0..20 {
        let figures = drain(&function, r#"{"mode": "drain"}"#, Duration::from_secs(12))?;
        records += figures["records"].as_u64().unwrap_or_default();
        if figures["complete"] == true {
            break;
        }
    }
    ensure!(records == 20_000, "{records} records were drained");
    let again = drain(&function, r#"{"detail-type": "Scheduled Event", "source": "aws.events"}"#, super::TIMEOUT)?;
    assert_eq!((again["records"].as_u64(), again["complete"].as_bool()), (Some(0), Some(true)));
    orders::ensure_exactly_once(&pipeline, &[&feed])
}

/// Only the schedule wakes this function, so a drain has to notice a promotion itself. A drain may end before it has looked at
/// the channel; the next drain then starts with the promoted transform.
#[test]
fn drains_follow_their_channel() -> Result<()> {
    needs!(kafka, readers);
    const NAME: &str = "drained-by-channel";
    const SHARE: usize = 100;
    let cluster = Cluster::shared()?;
    cluster.create_topic(NAME, orders::PARTITIONS, &[])?;
    let mut pipeline = orders::pipeline(NAME, source(cluster, &[NAME]))?;
    pipeline.settings["transform"] = follows_prod();
    let digests = [push(&pipeline, orders::GUEST)?, push(&pipeline, "orders_with_poison")?];
    promote(&pipeline, &digests[0])?;
    let function = Function::of(&pipeline)?;
    let mut feed = Feed::new(NAME);
    for digest in [&digests[1], &digests[0], &digests[1]] {
        promote(&pipeline, digest)?;
        let mut drains = 0;
        loop {
            let from = feed.records.len();
            feed.extend((from..from + SHARE).map(orders::order));
            cluster.produce(NAME, feed.records[from..].iter().map(|record| &record.message))?;
            drain(&function, r#"{"mode": "drain"}"#, super::TIMEOUT)?;
            drains += 1;
            if judge_of(&pipeline, "orders", 0)? == *digest {
                break;
            }
            ensure!(drains < 3, "the promoted one does not judge:\n{}", function.log()?);
        }
    }
    ensure!(function.cold_starts() == 1, "the environment was not used again");
    orders::ensure_exactly_once(&pipeline, &[&feed])
}
