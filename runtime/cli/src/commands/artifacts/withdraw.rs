//! `sluicebox withdraw`: ends the trial of a channel's candidate.

use clap::Args;

use super::{Signature, Whence, show};
use crate::commands::dlq::wait;
use crate::commands::transform::blamed;
use crate::exit::{Outcome, Verdict};

/// End a shadow or a canary
#[derive(Debug, Args)]
pub(crate) struct Withdraw {
    /// The channel, `orders@prod`; with the registry before it or in --registry
    reference: String,
    #[command(flatten)]
    whence: Whence,
    #[command(flatten)]
    signature: Signature,
}

impl Withdraw {
    pub(crate) fn run(self) -> Outcome {
        wait(async {
            let (registry, name, channel) = self.whence.channel(&self.reference, None)?;
            show(&registry.withdraw(&name, &channel, &self.signature.change()).await.map_err(blamed)?)?;
            Ok(Verdict::Good)
        })
    }
}
