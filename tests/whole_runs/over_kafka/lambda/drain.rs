//! Without an event source: on a schedule, the function reads from Kafka itself.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use serde_json::Value;
use sluicebox_tests::kafka::Cluster;
use sluicebox_tests::lambda::{Function, Outcome};

use super::super::source;
use crate::orders;

fn drain(function: &Function, event: &str, timeout: Duration) -> Result<Value> {
    match function.invoke(event.as_bytes().to_vec(), timeout)? {
        Outcome::Answered(figures) => Ok(figures),
        other => bail!("the drain ended with {other:?}:\n{}", function.log()?),
    }
}

#[test]
fn a_schedule_drains_to_the_end_in_as_many_invocations_as_it_takes() -> Result<()> {
    let cluster = Cluster::shared()?;
    let feed = orders::feed("scheduled", 20_000);
    feed.produce(cluster)?;
    let pipeline = orders::pipeline("scheduled", source(cluster, &["scheduled"]))?;
    let function = Function::of(&pipeline)?;
    let mut records = 0;
    // Hardly enough to join the group: it stops in time, and is not killed.
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
