//! `sluicebox bench`: the price of the sandbox on this machine. The showcase measures.

use std::io::Write as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use sluicebox_showcase::bench;

use super::Format;
use crate::exit::{Outcome, Verdict};
use crate::terminal::{self, Paint};

/// Measure the boundary, each sample transform against native code, and the whole walk
///
/// All figures are medians of alternating runs on one thread; the machine should be quiet.
#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// Pairs of runs, sandbox and native, for each transform
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..))]
    pairs: u32,
    /// Records that the whole walk reads
    #[arg(long, default_value_t = 400_000, value_parser = clap::value_parser!(u32).range(100_000..=2_000_000))]
    records: u32,
    /// Leave out the whole walk, from Kafka and with bad records
    #[arg(long)]
    no_walk: bool,
    /// The folder with the components [default: built from the checkout]
    #[arg(long, value_name = "DIR")]
    guests: Option<PathBuf>,
    /// Text for people or JSON for programs
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(subcommand)]
    part: Option<Part>,
}

/// A part of the bench that runs as a child process, so that its CPU time is its own.
#[derive(Debug, Subcommand)]
enum Part {
    /// Read a topic to its end and do nothing else
    #[command(hide = true)]
    OnlyRead { brokers: String, topic: String, records: u64 },
}

impl Bench {
    pub(crate) fn run(self) -> Outcome {
        // First: this process is the child of a bench, and must not begin another.
        if let Some(Part::OnlyRead { brokers, topic, records }) = &self.part {
            bench::only_read(brokers, topic, *records)?;
            return Ok(Verdict::Good);
        }
        let options = bench::Options {
            pairs: self.pairs as usize,
            walk_records: (!self.no_walk).then_some(self.records as usize),
            guests: self.guests,
        };
        let figures = bench::run(&options)?;
        let mut out = terminal::stdout();
        match self.format {
            Format::Text => write!(out, "{}", figures.text(Paint::stdout()))?,
            Format::Json => writeln!(out, "{}", figures.json())?,
        }
        Ok(Verdict::Good)
    }
}
