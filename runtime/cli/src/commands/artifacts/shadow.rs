//! `sluicebox shadow`: gives a candidate copies of records, to compare its verdicts and write nothing.

use clap::Args;
use sluicebox_registry::CandidateMode;

use super::{Signature, Whence, load, show};
use crate::commands::dlq::wait;
use crate::commands::transform::blamed;
use crate::exit::{Failure, Outcome, Verdict};

/// Try a transform on copies of a channel's records: its verdicts are compared, never written
///
/// `sluicebox status` and the metrics show the comparison. `sluicebox withdraw` or a promotion ends it.
#[derive(Debug, Args)]
pub(crate) struct Shadow {
    /// The candidate: `orders@sha256:…`, or that of another channel; with the registry before it or in --registry
    reference: String,
    /// The channel whose transform it is compared with
    #[arg(long)]
    channel: String,
    /// The share of the records that it gets: more than 0, at most 1
    #[arg(long, default_value_t = 0.1)]
    share: f64,
    #[command(flatten)]
    whence: Whence,
    #[command(flatten)]
    signature: Signature,
}

impl Shadow {
    pub(crate) fn run(self) -> Outcome {
        // Negated, so that NaN is refused too: each comparison with it is false.
        if !(self.share > 0.0 && self.share <= 1.0) {
            return Err(Failure::usage(format!("`--share {}` must be more than 0 and at most 1", self.share)));
        }
        wait(async {
            let (registry, artifact) = self.whence.find(&self.reference, None).await?;
            load(&registry, &artifact, &sluicebox_sandbox::Limits::default()).await?;
            let mode = CandidateMode::Shadow { share: self.share };
            let promotion = registry.set_candidate(&artifact, &self.channel, &mode, &self.signature.change()).await;
            show(&promotion.map_err(blamed)?)?;
            Ok(Verdict::Good)
        })
    }
}
