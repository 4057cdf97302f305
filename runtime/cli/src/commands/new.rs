//! `sluicebox new`: a transform's crate with a first test case, a sample and pipeline files. The scaffold has the files.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use sluicebox_scaffold::{NewCrate, name_fault};

use crate::exit::{Blame as _, Failure, Outcome, Verdict};
use crate::terminal::{self, Paint};

/// Make a transform's crate, with a first test case, a sample and a pipeline that runs on it without Kafka
///
/// The crate carries the SDK in `sluicebox-sdk/`: it builds on every machine with Rust and its target
/// wasm32-unknown-unknown.
#[derive(Debug, Args)]
pub(crate) struct New {
    /// The name of the transform: lower case letters, digits and `-`
    name: String,
    /// The folder to make [default: one with that name]
    #[arg(long)]
    path: Option<PathBuf>,
    /// Depend on the `sluicebox` crate in this folder, instead of carrying the SDK
    #[arg(long, value_name = "DIR")]
    sdk: Option<PathBuf>,
}

impl New {
    pub(crate) fn run(self) -> Outcome {
        let name = &self.name;
        if let Some(fault) = name_fault(name) {
            return Err(Failure::usage(format!("`{name}` cannot name a transform: {fault}")));
        }
        let folder = self.path.clone().unwrap_or_else(|| PathBuf::from(name));
        let shown = folder.display();
        // A folder that cannot be read counts as one that is not there: making it tells more.
        if folder.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(Failure::usage(format!("{shown} is not empty: choose another folder with `--path`")));
        }
        let sdk = self.sdk.as_deref().map(sdk_folder).transpose()?;
        let schema = format!("{:#}\n", sluicebox_settings::json_schema());
        let made = NewCrate { name, folder: &folder, sdk: sdk.as_deref(), pipeline_schema: Some(&schema) };
        made.write().environment(format!("cannot make {shown}"))?;
        let mut out = terminal::stdout();
        writeln!(out, "{} {shown}", Paint::stdout().good("made"))?;
        writeln!(out, "next: cd {shown}")?;
        writeln!(out, "  sluicebox test     build it and run its cases; the first build takes a minute")?;
        writeln!(out, "  sluicebox run      sample.jsonl into tables/orders, without Kafka")?;
        writeln!(out, "  sluicebox audit    every record accounted for, exactly once")?;
        Ok(Verdict::Good)
    }
}

fn sdk_folder(sdk: &Path) -> Result<PathBuf, Failure> {
    let folder = sdk.canonicalize().usage(format!("there is no SDK in {}", sdk.display()))?;
    if !folder.join("Cargo.toml").is_file() {
        let shown = folder.display();
        return Err(Failure::usage(format!("there is no crate in {shown}: name the folder of the `sluicebox` crate")));
    }
    Ok(folder)
}
