//! `sluicebox canary`: lets a candidate process some partitions.

use std::path::PathBuf;

use clap::Args;
use sluicebox_registry::CandidateMode;

use super::{Signature, Whence, document_of, fit, show};
use crate::commands::dlq::wait;
use crate::commands::transform::blamed;
use crate::exit::{Failure, Outcome, Verdict};

/// Let a transform process some partitions of a channel's pipelines
///
/// It ends automatically when it rejects too much. `sluicebox withdraw` or a promotion ends it too.
#[derive(Debug, Args)]
pub(crate) struct Canary {
    /// The candidate: `orders@sha256:…`, or that of another channel; with the registry before it or in --registry
    reference: String,
    /// The channel whose transform processes the other partitions
    #[arg(long)]
    channel: String,
    /// The partitions that it processes
    #[arg(long, value_delimiter = ',', required = true, value_name = "TOPIC/PARTITION,…")]
    partitions: Vec<String>,
    /// The share of their records that it may reject: at least 0, less than 1
    #[arg(long, default_value_t = 0.05)]
    rejected_share_max: f64,
    /// Refuse it unless it fits this pipeline: its configuration, limits and live tables
    #[arg(long, value_name = "FILE")]
    pipeline: Option<PathBuf>,
    #[command(flatten)]
    whence: Whence,
    #[command(flatten)]
    signature: Signature,
}

impl Canary {
    pub(crate) fn run(self) -> Outcome {
        let share = self.rejected_share_max;
        // Asked this way round, it refuses NaN too, which lies in no range.
        if !(0.0..1.0).contains(&share) {
            return Err(Failure::usage(format!("`--rejected-share-max {share}` must be at least 0 and less than 1")));
        }
        if let Some(wrong) = self.partitions.iter().find(|partition| !is_partition(partition)) {
            return Err(Failure::usage(format!("`{wrong}` is not a partition: write `topic/0`")));
        }
        let document = document_of(self.pipeline.as_deref())?;
        wait(async {
            let (registry, artifact) = self.whence.find(&self.reference, document.as_ref()).await?;
            fit::require(&registry, &artifact, document.as_ref()).await?;
            let mode = CandidateMode::Canary { partitions: self.partitions, rejected_share_max: share };
            let promotion = registry.set_candidate(&artifact, &self.channel, &mode, &self.signature.change()).await;
            show(&promotion.map_err(blamed)?)?;
            Ok(Verdict::Good)
        })
    }
}

fn is_partition(text: &str) -> bool {
    text.rsplit_once('/')
        .is_some_and(|(topic, partition)| !topic.is_empty() && partition.parse::<i32>().is_ok_and(|number| number >= 0))
}
