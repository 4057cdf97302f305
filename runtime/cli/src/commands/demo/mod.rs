//! `sluicebox demo`: the promise, shown. Orders with poison among them go through a Kafka of three brokers that lives in
//! this process (librdkafka's own mock); `sluicebox run` works on them as a child, is killed in the middle and started
//! again; then the tables are read back and every record is looked for.

mod audit;
pub(super) mod kafka;
pub(super) mod orders;
mod report;
mod worker;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use self::audit::Audit;
use self::kafka::Kafka;
use self::report::Report;
use self::worker::Worker;
use super::{Format, build};
use crate::exit::{Blame as _, Failure, Outcome, Verdict};
use crate::terminal::grouped;

const TOPIC: &str = "orders";
/// The mock keeps the last 5 MB of a partition: this many orders stay well below.
const PARTITION_RECORDS_MAX: usize = 15_000;
/// When the worker is killed: after this share of the records has been committed.
const KILLED_AFTER_SHARE: f64 = 0.3;

/// Show exactly-once: 50,000 orders with poison among them, killed in the middle, nothing lost
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// How many orders
    #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(u32).range(10_000..=1_000_000))]
    records: u32,
    /// Where the tables go [default: a new folder among the temporary files]
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// The component of `sample-transforms/orders-with-poison` [default: built from the checkout]
    #[arg(long, value_name = "FILE")]
    wasm: Option<PathBuf>,
    /// How to show the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Demo {
    pub(crate) fn run(self) -> Outcome {
        let records = self.records as usize;
        let wasm = self.component()?;
        let folder = self.folder()?;
        let story = Story::begin(records);

        story.tell("starting a Kafka of three brokers in this process");
        let partitions = records.div_ceil(PARTITION_RECORDS_MAX).max(4);
        let kafka = Kafka::start(TOPIC, partitions)?;
        let expected = kafka.produce(orders::generate(records))?;
        story.tell(&format!("{} orders in {partitions} partitions, with poison among them", grouped(records)));

        let pipeline = folder.join("pipeline.yaml");
        write_pipeline(&pipeline, &wasm, &kafka.bootstrap_servers(), records)?;
        let started = Instant::now();
        let killed_after = work_until_killed(&pipeline, records, &story)?;
        story.tell(&format!("killed with -9 after {} committed records; starting again", grouped(killed_after)));
        let records_per_second = work_to_the_end(&pipeline, killed_after, &story)?;
        let duration = started.elapsed();
        story.end();

        let books = super::audit::report(&pipeline, true)?;
        let audit = Audit::read(&folder.join("tables/orders"), &folder.join("tables/orders_dlq"), &books, &expected)?;
        let report = Report { audit, expected, killed_after, duration, records_per_second, folder };
        let mut out = std::io::stdout().lock();
        match self.format {
            Format::Text => write!(out, "{}", report.text(crate::terminal::Paint::stdout()))?,
            Format::Json => writeln!(out, "{}", report.json())?,
        }
        Ok(if report.is_good() { Verdict::Good } else { Verdict::Bad })
    }

    /// The component that is given, or else built from the checkout.
    fn component(&self) -> Result<PathBuf, Failure> {
        if let Some(wasm) = &self.wasm {
            return wasm.canonicalize().usage(format!("there is no file {}", wasm.display()));
        }
        let source = Path::new(env!("SLUICEBOX_CHECKOUT")).join("sample-transforms/orders-with-poison");
        if !source.is_dir() {
            return Err(Failure::usage(
                "there is no checkout to build the demo's transform from: give one with `--wasm`",
            ));
        }
        eprintln!("building {}", source.display());
        build::build(&source)?.path.canonicalize().environment("the component is gone")
    }

    fn folder(&self) -> Result<PathBuf, Failure> {
        let Some(folder) = &self.keep else {
            let folder = tempfile::Builder::new().prefix("sluicebox-demo-").tempdir()?;
            return Ok(folder.keep());
        };
        std::fs::create_dir_all(folder).environment(format!("cannot make {}", folder.display()))?;
        if folder.join("tables").exists() {
            return Err(Failure::usage(format!("{} holds tables already: give an empty folder", folder.display())));
        }
        Ok(folder.canonicalize()?)
    }
}

/// What is happening, on stderr: a bar on a terminal, plain lines elsewhere.
struct Story {
    bar: ProgressBar,
}

impl Story {
    fn begin(records: usize) -> Self {
        let bar = ProgressBar::new(records as u64);
        let style = ProgressStyle::with_template("{bar:40} {human_pos} of {human_len} records  {per_sec}  {elapsed}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Story { bar }
    }

    fn tell(&self, line: &str) {
        if self.bar.is_hidden() { eprintln!("{line}") } else { self.bar.println(line) }
    }

    fn end(&self) {
        self.bar.finish_and_clear();
    }
}

/// The pipeline that the user would write, with flushes so small that there is a middle to be killed in.
fn write_pipeline(file: &Path, wasm: &Path, brokers: &str, records: usize) -> Result<(), Failure> {
    let settings = json!({
        "name": "demo",
        "source": { "kafka": {
            "brokers": brokers,
            "topics": [TOPIC],
            // After this time the brokers give up a killed worker; Kafka's default is 45 seconds. The mock needs more
            // than the three seconds for which it holds back the first assignment.
            "properties": { "session.timeout.ms": 3500, "heartbeat.interval.ms": 500 },
        }},
        "transform": { "wasm": wasm },
        "tables": { "orders": { "path": "tables/orders" } },
        "dead_letters": { "path": "tables/orders_dlq" },
        "batch": { "records_max": 500 },
        "flush": { "rows_max": records / 20, "interval": "2s" },
    });
    let text = serde_json::to_string_pretty(&settings).environment("the settings")?;
    std::fs::write(file, text + "\n").environment(format!("cannot write {}", file.display()))
}

/// Lets a worker work until it has committed its share, then kills it. Returns how many records it had committed.
fn work_until_killed(pipeline: &Path, records: usize, story: &Story) -> Result<usize, Failure> {
    let mut worker = Worker::start(pipeline)?;
    while let Some(committed) = worker.committed()? {
        story.bar.set_position(committed as u64);
        if committed as f64 >= records as f64 * KILLED_AFTER_SHARE {
            worker.kill()?;
            return Ok(committed);
        }
    }
    Err(worker.unexpected_end(pipeline))
}

/// Lets a worker do the rest. Returns the records a second from its first flush to its last: without the brokers' wait
/// for the one that was killed.
fn work_to_the_end(pipeline: &Path, before: usize, story: &Story) -> Result<f64, Failure> {
    let mut worker = Worker::start(pipeline)?;
    let mut first = None;
    let mut records_per_second = 0.0;
    while let Some(committed) = worker.committed()? {
        story.bar.set_position((before + committed) as u64);
        let (since, committed_first) = *first.get_or_insert((Instant::now(), committed));
        records_per_second = (committed - committed_first) as f64 / since.elapsed().as_secs_f64();
    }
    if !worker.wait(Duration::from_secs(60))? {
        return Err(worker.unexpected_end(pipeline));
    }
    match first {
        Some(_) => Ok(records_per_second),
        None => Err(Failure::environment(
            "everything was committed before the worker could be killed: give more `--records`",
        )),
    }
}
