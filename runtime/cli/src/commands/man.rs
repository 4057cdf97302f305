//! `sluicebox man`: man pages, for packages. Hidden from the help: a user reads `--help`.

use std::path::PathBuf;

use clap::{Args, CommandFactory as _};

use super::Arguments;
use crate::exit::{Blame as _, Outcome, Verdict};

/// Write the man pages of all commands into a folder
#[derive(Debug, Args)]
#[command(hide = true)]
pub(crate) struct Man {
    /// The folder; it is made
    folder: PathBuf,
}

impl Man {
    pub(crate) fn run(self) -> Outcome {
        let folder = self.folder.display();
        std::fs::create_dir_all(&self.folder).environment(format!("cannot make {folder}"))?;
        let written = clap_mangen::generate_to(Arguments::command(), &self.folder);
        written.environment(format!("cannot write man pages into {folder}"))?;
        Ok(Verdict::Good)
    }
}
