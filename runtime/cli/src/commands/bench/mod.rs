//! `sluicebox bench`: what the sandbox costs, measured on this machine: the boundary alone, each sample transform in the
//! sandbox against the same function native, the whole walk against a consumer that only reads, and the walk with bad
//! records among the good.

mod boundary;
mod contest;
mod figures;
mod poison;
mod samples;
mod walk;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use sluicebox_sandbox::{Limits, Sandbox, Transform};

use self::contest::Contest;
use self::poison::Poisoned;
use super::{Format, build};
use crate::exit::{Blame as _, Failure, Outcome, Verdict};
use crate::terminal::{Paint, grouped};

/// Measure the boundary, each sample transform against native code, and the whole walk
///
/// All figures are medians of alternating runs on one thread; the machine should be quiet.
#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// Pairs of runs, sandbox and native, per transform
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..))]
    pairs: u32,
    /// Records that the whole walk takes in
    #[arg(long, default_value_t = 400_000, value_parser = clap::value_parser!(u32).range(100_000..=2_000_000))]
    records: u32,
    /// Leave out the whole walk, from Kafka and with bad records
    #[arg(long)]
    no_walk: bool,
    /// The folder with the components [default: built from the checkout]
    #[arg(long, value_name = "DIR")]
    guests: Option<PathBuf>,
    /// How to show the figures
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(subcommand)]
    part: Option<Part>,
}

/// What the bench runs as a child, so that its CPU time is its own.
#[derive(Debug, Subcommand)]
enum Part {
    /// Read a topic to its end and do nothing else
    #[command(hide = true)]
    OnlyRead { brokers: String, topic: String, records: u64 },
}

impl Bench {
    pub(crate) fn run(self) -> Outcome {
        if let Some(Part::OnlyRead { brokers, topic, records }) = &self.part {
            return walk::only_read(brokers, topic, *records);
        }
        let pairs = self.pairs as usize;
        let sandbox = Sandbox::new().environment("the sandbox cannot be set up")?;
        let echo = self.load(&sandbox, "tests/guests/misbehaving")?;
        let boundary = boundary::measure(&echo, pairs)?;
        let mut contests = Vec::new();
        for sample in samples::all() {
            let transform = self.load(&sandbox, &format!("sample-transforms/{}", sample.name))?;
            contests.push(contest::measure(&sample, &transform, pairs)?);
        }
        let walk = match self.no_walk {
            true => None,
            false => Some(walk::measure(&self.component("sample-transforms/clean-orders")?, self.records as usize)?),
        };
        let poisoned = match self.no_walk {
            true => Vec::new(),
            false => poison::measure(&self.component("sample-transforms/orders-with-poison")?)?,
        };
        let mut out = std::io::stdout().lock();
        match self.format {
            Format::Text => write!(out, "{}", text(boundary, &contests, walk.as_ref(), &poisoned, Paint::stdout()))?,
            Format::Json => writeln!(out, "{}", as_json(boundary, &contests, walk.as_ref(), &poisoned))?,
        }
        Ok(Verdict::Good)
    }

    fn load(&self, sandbox: &Sandbox, folder: &str) -> Result<Transform, Failure> {
        let wasm = self.component(folder)?;
        sandbox.load(&wasm, &Limits::default(), None).map_err(|error| Failure::Usage(error.into()))
    }

    /// The component of a crate of the checkout: from the folder that is given, or else built.
    fn component(&self, folder: &str) -> Result<PathBuf, Failure> {
        let folder = Path::new(env!("SLUICEBOX_CHECKOUT")).join(folder);
        let name = folder.file_name().unwrap_or_default().to_string_lossy().replace('-', "_");
        match &self.guests {
            Some(guests) => Ok(guests.join(format!("{name}.wasm"))),
            None => Ok(build::build(&folder)?.path),
        }
    }
}

fn text(boundary: f64, contests: &[Contest], walk: Option<&walk::Walk>, poisoned: &[Poisoned], paint: Paint) -> String {
    let mut lines = vec![
        paint.strong("boundary: a batch of 1,000 there and back, echoed"),
        format!("  {boundary:>8.1} ns a record"),
        String::new(),
        paint.strong("transforms, ns a record     sandbox    native    ratio"),
    ];
    for Contest { name, sandbox_ns, native_ns, ratio, .. } in contests {
        lines.push(format!("  {name:<24} {sandbox_ns:>8.0}  {native_ns:>8.0}  {ratio:>7.2}"));
    }
    if let Some(walk) = walk {
        lines.push(String::new());
        lines.push(paint.strong("the whole walk, Kafka to Delta, CPU ns a record"));
        lines.push(format!("  {:>8.0} walk of {} orders", walk.walk_ns, grouped(walk.records)));
        lines.push(format!("  {:>8.0} a consumer that only reads", walk.only_read_ns));
        lines.push(format!("  {:>8.2} times", walk.walk_ns / walk.only_read_ns));
    }
    if !poisoned.is_empty() {
        lines.push(String::new());
        lines.push(paint.strong("the walk from a file; of 100 orders, one    CPU s   rate"));
        for Poisoned { kind, seconds, rate } in poisoned {
            lines.push(format!("  {kind:<40} {seconds:>6.2}  {rate:>5.2}"));
        }
    }
    lines.join("\n") + "\n"
}

fn as_json(boundary: f64, contests: &[Contest], walk: Option<&walk::Walk>, poisoned: &[Poisoned]) -> Value {
    let contests = contests.iter().map(|contest| {
        json!({
            "transform": contest.name,
            "sandbox_ns": contest.sandbox_ns,
            "native_ns": contest.native_ns,
            "ratio": contest.ratio,
            "record_bytes": contest.record_bytes,
        })
    });
    json!({
        "boundary_ns": boundary,
        "transforms": contests.collect::<Vec<_>>(),
        "walk": walk.map(|walk| json!({
            "records": walk.records,
            "walk_cpu_ns": walk.walk_ns,
            "only_read_cpu_ns": walk.only_read_ns,
        })),
        "poisoned": poisoned
            .iter()
            .map(|poisoned| json!({ "one_in_100": poisoned.kind, "cpu_seconds": poisoned.seconds, "rate": poisoned.rate }))
            .collect::<Vec<_>>(),
    })
}
