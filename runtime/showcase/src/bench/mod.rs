//! `sluicebox bench`: the price of the sandbox, measured on this machine: the boundary alone, each sample transform in the
//! sandbox against the same function as native code, the whole walk against a consumer that only reads, and the walk with
//! bad records among the good ones.

mod boundary;
mod contest;
mod figures;
mod poison;
mod samples;
mod walk;

use std::path::PathBuf;

use serde_json::{Value, json};
use sluicebox_console::exit::{Blame as _, Failure};
use sluicebox_console::terminal::{Paint, grouped};
use sluicebox_sandbox::{Limits, Sandbox, Transform};

use self::contest::Contest;
use self::poison::Poisoned;
pub use self::walk::only_read;
use crate::guests;

/// How much to measure.
#[derive(Debug)]
pub struct Options {
    /// Pairs of runs, sandbox and native, for each transform.
    pub pairs: usize,
    /// Records that the whole walk reads; `None` leaves out the walk and the bad records.
    pub walk_records: Option<usize>,
    /// The folder with the components; `None` builds them from the checkout.
    pub guests: Option<PathBuf>,
}

/// The figures, all of them medians.
pub struct Figures {
    /// Nanoseconds a record.
    boundary: f64,
    contests: Vec<Contest>,
    walk: Option<walk::Walk>,
    poisoned: Vec<Poisoned>,
}

/// Measures everything that the options ask for.
///
/// # Errors
/// A component is missing or does not build, or a child process fails.
pub fn run(options: &Options) -> Result<Figures, Failure> {
    let sandbox = Sandbox::new().environment("cannot set up the sandbox")?;
    let echo = options.load(&sandbox, "tests/guests/misbehaving")?;
    let boundary = boundary::measure(&echo, options.pairs)?;
    let mut contests = Vec::new();
    for sample in samples::all() {
        let transform = options.load(&sandbox, &format!("sample-transforms/{}", sample.name))?;
        contests.push(contest::measure(&sample, &transform, options.pairs)?);
    }
    let Some(records) = options.walk_records else {
        return Ok(Figures { boundary, contests, walk: None, poisoned: Vec::new() });
    };
    let walk = walk::measure(&options.component("sample-transforms/clean-orders")?, records)?;
    let poisoned = poison::measure(&options.component("sample-transforms/orders-with-poison")?)?;
    Ok(Figures { boundary, contests, walk: Some(walk), poisoned })
}

impl Options {
    fn load(&self, sandbox: &Sandbox, folder: &str) -> Result<Transform, Failure> {
        let wasm = self.component(folder)?;
        sandbox.load(&wasm, &Limits::default(), None).map_err(|error| Failure::Usage(error.into()))
    }

    /// The component of a crate of the checkout: from the folder that is given, or built.
    fn component(&self, folder: &str) -> Result<PathBuf, Failure> {
        let name = folder.rsplit('/').next().unwrap_or(folder).replace('-', "_");
        match &self.guests {
            Some(guests) => Ok(guests.join(format!("{name}.wasm"))),
            None => guests::build(folder),
        }
    }
}

impl Figures {
    /// For people.
    pub fn text(&self, paint: Paint) -> String {
        let mut lines = vec![
            paint.strong("boundary: a batch of 1,000 there and back, echoed"),
            format!("  {:>8.1} ns a record", self.boundary),
            String::new(),
            paint.strong("transforms, ns a record     sandbox    native    ratio"),
        ];
        for Contest { name, sandbox_ns, native_ns, ratio, .. } in &self.contests {
            lines.push(format!("  {name:<24} {sandbox_ns:>8.0}  {native_ns:>8.0}  {ratio:>7.2}"));
        }
        if let Some(walk) = &self.walk {
            lines.push(String::new());
            lines.push(paint.strong("the whole walk, Kafka to Delta, CPU ns a record"));
            lines.push(format!("  {:>8.0} walk of {} orders", walk.walk_ns, grouped(walk.records)));
            lines.push(format!("  {:>8.0} a consumer that only reads", walk.only_read_ns));
            lines.push(format!("  {:>8.2} times", walk.walk_ns / walk.only_read_ns));
        }
        if !self.poisoned.is_empty() {
            lines.push(String::new());
            lines.push(paint.strong("the walk from a file; of 100 orders, one    CPU s   rate"));
            for Poisoned { kind, seconds, rate } in &self.poisoned {
                lines.push(format!("  {kind:<40} {seconds:>6.2}  {rate:>5.2}"));
            }
        }
        lines.join("\n") + "\n"
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let contests = self.contests.iter().map(|contest| {
            json!({
                "transform": contest.name,
                "sandbox_ns": contest.sandbox_ns,
                "native_ns": contest.native_ns,
                "ratio": contest.ratio,
                "record_bytes": contest.record_bytes,
            })
        });
        let poisoned = self.poisoned.iter().map(
            |poisoned| json!({ "one_in_100": poisoned.kind, "cpu_seconds": poisoned.seconds, "rate": poisoned.rate }),
        );
        json!({
            "boundary_ns": self.boundary,
            "transforms": contests.collect::<Vec<_>>(),
            "walk": self.walk.as_ref().map(|walk| json!({
                "records": walk.records,
                "walk_cpu_ns": walk.walk_ns,
                "only_read_cpu_ns": walk.only_read_ns,
            })),
            "poisoned": poisoned.collect::<Vec<_>>(),
        })
    }
}
