//! `sluicebox promote`: points a channel at a transform.

use std::path::PathBuf;

use clap::Args;

use super::{Signature, Whence, document_of, fit, show};
use crate::commands::dlq::wait;
use crate::commands::transform::blamed;
use crate::exit::{Outcome, Verdict};

const AFTER_HELP: &str = "\
Examples:
  sluicebox promote s3://bucket/transforms/orders@sha256:0123456789ab --channel prod
  sluicebox promote registry/orders@staging --channel prod --pipeline pipeline.yaml";

/// Point a channel at a transform
///
/// It first fetches and loads the transform as a pipeline would. Running pipelines notice within their `poll_interval` and
/// switch between two flushes. A shadow or canary of the channel ends.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Promote {
    /// The transform: `orders@sha256:…`, or that of another channel, `orders@staging`; with the registry before it or in --registry
    reference: String,
    /// The channel, such as `prod`; it is made if it does not exist
    #[arg(long)]
    channel: String,
    /// Refuse it unless it fits this pipeline: its configuration, limits and live tables
    #[arg(long, value_name = "FILE")]
    pipeline: Option<PathBuf>,
    #[command(flatten)]
    whence: Whence,
    #[command(flatten)]
    signature: Signature,
}

impl Promote {
    pub(crate) fn run(self) -> Outcome {
        let document = document_of(self.pipeline.as_deref())?;
        wait(async {
            let (registry, artifact) = self.whence.find(&self.reference, document.as_ref()).await?;
            fit::require(&registry, &artifact, document.as_ref()).await?;
            let promotion = registry.promote(&artifact, &self.channel, &self.signature.change()).await;
            show(&promotion.map_err(blamed)?)?;
            Ok(Verdict::Good)
        })
    }
}
