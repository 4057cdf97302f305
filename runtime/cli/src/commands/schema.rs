//! `sluicebox schema`: the JSON Schema of pipeline files, for editors.

use std::io::Write as _;

use clap::Args;

use crate::exit::{Outcome, Verdict};
use crate::terminal;

/// Print the JSON Schema of pipeline files
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sluicebox schema > pipeline.schema.json

An editor with the YAML language server completes keys if the pipeline file's first line is:
  # yaml-language-server: $schema=pipeline.schema.json")]
pub(crate) struct Schema {}

impl Schema {
    pub(crate) fn run(self) -> Outcome {
        writeln!(terminal::stdout(), "{:#}", sluicebox_settings::json_schema())?;
        Ok(Verdict::Good)
    }
}
