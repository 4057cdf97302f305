//! `sluicebox rollback`: points a channel at its previous transform.

use std::path::PathBuf;

use clap::Args;

use super::{Signature, Whence, document_of, fit, show};
use crate::commands::dlq::wait;
use crate::commands::transform::blamed;
use crate::exit::{Outcome, Verdict};

/// Point a channel at the transform before its last promotion
///
/// A second rollback goes back one promotion further. It first fetches and loads the transform.
#[derive(Debug, Args)]
pub(crate) struct Rollback {
    /// The channel, `orders@prod`; with the registry before it or in --registry
    reference: String,
    /// Refuse it unless it fits this pipeline: its configuration, limits and live tables
    #[arg(long, value_name = "FILE")]
    pipeline: Option<PathBuf>,
    #[command(flatten)]
    whence: Whence,
    #[command(flatten)]
    signature: Signature,
}

impl Rollback {
    pub(crate) fn run(self) -> Outcome {
        let document = document_of(self.pipeline.as_deref())?;
        wait(async {
            let (registry, name, channel) = self.whence.channel(&self.reference, document.as_ref())?;
            let mut change = self.signature.change();
            if let Some((version, artifact)) = registry.previous(&name, &channel).await.map_err(blamed)? {
                fit::require(&registry, &artifact, document.as_ref()).await?;
                // The channel must still be as it was when this transform was checked.
                change.only_at = Some(version);
            }
            show(&registry.rollback(&name, &channel, &change).await.map_err(blamed)?)?;
            Ok(Verdict::Good)
        })
    }
}
