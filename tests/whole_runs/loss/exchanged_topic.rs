//! A topic is deleted and created again between a poll and the flush. No test over real brokers hits that moment for sure, so
//! the real walk and real tables run over a source that plays it.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Result, bail};
use serde_json::json;
use sluicebox_ledger::{OffsetBounds, PartitionBounds};
use sluicebox_ledger::{OffsetRange, Offsets, TopicPartition};
use sluicebox_pipeline::source::{Intake, Polled, Source, SourceError, TopicIds};
use sluicebox_pipeline::{Changes, Health, PipelineError, Progress, RunOptions, run_from};
use sluicebox_sandbox::Sandbox;
use sluicebox_settings::Settings;
use tokio::sync::watch;

use crate::orders;

const TOPIC: &str = "exchanged";

/// Hands over ten records of the first topic; from then on only the second exists.
struct Exchanged {
    topic_id: i64,
    is_assigned: bool,
    started: Offsets,
}

impl Source for Exchanged {
    async fn poll(&mut self, intake: &mut Intake) -> Result<Polled, SourceError> {
        let partition = TopicPartition::new(TOPIC, 0);
        if !std::mem::replace(&mut self.is_assigned, true) {
            return Ok(Polled::Assigned(vec![partition]));
        }
        if self.topic_id == 2 {
            return Ok(Polled::End);
        }
        for offset in 5..15 {
            let order = orders::order(offset);
            intake.push(TOPIC, 0, offset as i64, 1, None, order.value.as_deref(), []);
        }
        self.topic_id = 2;
        Ok(Polled::Records)
    }

    fn keep_alive(&mut self) -> Result<Polled, SourceError> {
        Ok(Polled::Idle)
    }

    async fn bounds(&mut self, partitions: &[TopicPartition]) -> Result<PartitionBounds, SourceError> {
        // The second topic has every offset that the first had.
        let range = if self.topic_id == 1 { OffsetRange { from: 5, to: 15 } } else { OffsetRange { from: 0, to: 99 } };
        let bounds = OffsetBounds { start: range.from, range: Some(range), topic_id: Some(self.topic_id) };
        Ok(partitions.iter().map(|partition| (partition.clone(), bounds)).collect())
    }

    async fn topic_ids(&mut self, topics: &BTreeSet<Arc<str>>) -> Result<TopicIds, SourceError> {
        Ok(topics.iter().map(|topic| (topic.clone(), self.topic_id)).collect())
    }

    async fn start(&mut self, starts: &Offsets) -> Result<(), SourceError> {
        self.started.extend(starts.clone());
        Ok(())
    }

    fn pause(&mut self, partitions: &[TopicPartition]) -> Result<(), SourceError> {
        self.unassign(partitions)
    }

    fn unassign(&mut self, partitions: &[TopicPartition]) -> Result<(), SourceError> {
        self.started.retain(|partition, _| !partitions.contains(partition));
        Ok(())
    }

    fn partitions(&self) -> Vec<TopicPartition> {
        self.started.keys().cloned().collect()
    }

    fn ack(&mut self, _offsets: &Offsets) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_read_across_an_exchange_is_committed() -> Result<()> {
    // The walk takes the source above, not the one in the settings.
    let pipeline = orders::pipeline(TOPIC, json!({"file": {"path": "-"}}))?;
    let settings = Settings::load(&pipeline.write()?)?;
    let transform = sluicebox_registry::open(&settings.transform, &Sandbox::new()?, None).await?.transform;
    let (_stop, stop) = watch::channel(false);
    let (progress, _) = watch::channel(Progress::default());
    let (health, _) = watch::channel(Health::default());
    let options = RunOptions {
        drain: true,
        accepted_gaps: Vec::new(),
        stop,
        progress,
        health,
        changes: Changes::none(),
        copies: None,
    };
    let source = Exchanged { topic_id: 1, is_assigned: false, started: Offsets::new() };

    match run_from(|| Ok::<_, SourceError>(source), settings, &transform, options).await {
        Err(PipelineError::Losses(losses)) => {
            let gaps: Vec<_> = losses.iter().map(|loss| (loss.code(), loss.gap().to_string())).collect();
            assert_eq!(gaps, [("E0203", "exchanged/0@5-0".to_owned())]);
        }
        other => bail!("the exchange went unnoticed: {other:?}"),
    }
    for table in ["orders", "dead_letters"] {
        assert_eq!(pipeline.versions(table), 2, "{table} was created, and knows where it started, and nothing else");
    }
    Ok(())
}
