//! `sluicebox promote`: has a channel name a transform from now on.

use std::path::PathBuf;

use clap::Args;

use super::{Signature, Whence, document_of, fit, show};
use crate::commands::dlq::wait;
use crate::commands::transform::blamed;
use crate::exit::{Outcome, Verdict};

/// Have a channel name a transform from now on
///
/// It is fetched and loaded first, as a pipeline would do it. Running pipelines notice within their `poll_interval` and switch
/// between two flushes. A candidate that was tried there is withdrawn.
#[derive(Debug, Args)]
pub(crate) struct Promote {
    /// The transform: `orders@sha256:…`, or what another channel names, `orders@staging`; with the registry before it or apart
    reference: String,
    /// The channel, such as `prod`; a new one is made
    #[arg(long)]
    channel: String,
    /// Refuse it unless this pipeline takes it: its configuration, limits and live tables
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
