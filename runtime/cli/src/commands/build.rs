//! `sluicebox build`: a transform's crate to one .wasm component.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use sluicebox_guest_builder::{Built, Options};

use crate::exit::{Blame as _, Failure, Outcome, Verdict};
use crate::terminal::{self, Paint, size};

/// Build a transform's crate to one .wasm component
#[derive(Debug, Args)]
pub(crate) struct Build {
    /// The folder of the crate
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Where the component goes [default: `sluicebox/<crate>.wasm` in cargo's target folder]
    #[arg(long, short)]
    output: Option<PathBuf>,
    /// cargo's target folder
    #[arg(long)]
    target_dir: Option<PathBuf>,
}

impl Build {
    pub(crate) fn run(self) -> Outcome {
        let options = Options { output: self.output, target_dir: self.target_dir, quiet: false };
        let built = sluicebox_guest_builder::build(&self.folder, &options).usage("build failed")?;
        report(&built)?;
        Ok(Verdict::Good)
    }
}

/// Builds the crate in `folder` for another command. On a terminal cargo shows how far it is: the first build of all
/// takes a minute.
pub(super) fn build(folder: &Path) -> Result<Built, Failure> {
    let options = Options { quiet: !std::io::stderr().is_terminal(), ..Options::default() };
    sluicebox_guest_builder::build(folder, &options).usage(format!("cannot build {}", folder.display()))
}

/// The path is the data; what it is goes to stderr.
fn report(built: &Built) -> Result<(), Failure> {
    let paint = Paint::stderr();
    terminal::tell(format_args!("{} {}  {}", paint.good("built"), size(built.size_bytes), paint.faint(&built.digest)));
    writeln!(terminal::stdout(), "{}", built.path.display())?;
    Ok(())
}
