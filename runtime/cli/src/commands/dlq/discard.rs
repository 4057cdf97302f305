//! `sluicebox dlq discard`: marks dead letters as ignored and keeps them.

use std::io::Write as _;

use clap::Args;
use sluicebox_pipeline::redrive::discard;

use super::selection::{Choice, StatusChoice};
use super::{PipelineFile, document, letters, wait};
use crate::commands::run::blamed;
use crate::exit::{Outcome, Verdict};
use crate::terminal::{self, counted};

/// Mark dead letters as ignored; they stay in the table, and redrives leave them out
#[derive(Debug, Args)]
pub(crate) struct Discard {
    #[command(flatten)]
    file: PipelineFile,
    #[command(flatten)]
    choice: Choice,
    /// The reason, which each of them keeps
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Only count them
    #[arg(long)]
    dry_run: bool,
}

impl Discard {
    pub(crate) fn run(self) -> Outcome {
        let document = document(&self.file.pipeline)?;
        let selection = self.choice.selection(StatusChoice::Open);
        let count = wait(async {
            let letters = letters(&document).await?;
            if !self.dry_run {
                return discard(document.settings(), &selection, &self.reason).await.map_err(blamed);
            }
            let mut count = 0;
            letters.summaries(&selection, |_| count += 1).await.map_err(blamed)?;
            Ok(count)
        })?;
        let word = if self.dry_run { "would be discarded" } else { "discarded" };
        writeln!(terminal::stdout(), "{} {word}", counted(count as usize, "dead letter"))?;
        Ok(Verdict::Good)
    }
}
