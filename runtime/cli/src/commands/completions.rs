//! `sluicebox completions`: the script that completes commands and flags in a shell.

use std::io::Write as _;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::Arguments;
use crate::exit::{Outcome, Verdict};
use crate::terminal;

const AFTER_HELP: &str = "\
bash: sluicebox completions bash > ~/.local/share/bash-completion/completions/sluicebox
zsh:  sluicebox completions zsh > a folder of $fpath, as _sluicebox
fish: sluicebox completions fish > ~/.config/fish/completions/sluicebox.fish";

/// Print the completion script for a shell
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self) -> Outcome {
        // The generator panics where a write fails, and a reader may close our stdout (`| head`).
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "sluicebox", &mut script);
        terminal::stdout().write_all(&script)?;
        Ok(Verdict::Good)
    }
}
