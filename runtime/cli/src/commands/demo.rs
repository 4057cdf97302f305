//! `sluicebox demo`: exactly-once shown on generated orders. The showcase does the work.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use sluicebox_showcase::demo;

use super::Format;
use crate::exit::{Outcome, Verdict};
use crate::terminal::{self, Paint};

/// Show exactly-once: 50,000 orders with poison among them, a worker killed in the middle, nothing lost
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// How many orders
    #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(u32).range(10_000..=1_000_000))]
    records: u32,
    /// The folder of the tables [default: a new folder among the temporary files]
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// The component of `sample-transforms/orders-with-poison` [default: built from the checkout]
    #[arg(long, value_name = "FILE")]
    wasm: Option<PathBuf>,
    /// Text for people or JSON for programs
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Demo {
    pub(crate) fn run(self) -> Outcome {
        let options = demo::Options { records: self.records as usize, keep: self.keep, wasm: self.wasm };
        let report = demo::run(&options)?;
        let mut out = terminal::stdout();
        match self.format {
            Format::Text => write!(out, "{}", report.text(Paint::stdout()))?,
            Format::Json => writeln!(out, "{}", report.json())?,
        }
        Ok(if report.is_good() { Verdict::Good } else { Verdict::Bad })
    }
}
