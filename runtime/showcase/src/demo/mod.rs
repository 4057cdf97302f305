//! `sluicebox demo`: the promise, shown. Orders with poison among them go through a Kafka of three brokers inside this
//! process. A child process, `sluicebox run`, works on them, is killed in the middle and started again. Then the demo reads
//! the tables back and looks for every record.

mod audit;
mod interrupt;
mod pipeline;
mod report;
mod timeline;
mod worker;

use std::path::{Path, PathBuf};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use sluicebox_audit::AuditReport as Books;
use sluicebox_console::exit::{Blame as _, Failure};
use sluicebox_console::terminal::{self, grouped};
use sluicebox_settings::Document;

use self::audit::Audit;
pub use self::report::Report;
use self::timeline::Timeline;
use self::worker::Worker;
use crate::kafka::Kafka;
use crate::{guests, orders};

const TOPIC: &str = "orders";
/// The mock keeps the last 5 MB of a partition: this many orders stay well below.
const PARTITION_RECORDS_MAX: usize = 15_000;
/// The demo kills the worker when this share of the records is committed.
const KILLED_AFTER_SHARE: f64 = 0.3;

/// How large the demo is and where it happens.
#[derive(Debug)]
pub struct Options {
    /// How many orders.
    pub records: usize,
    /// The folder of the tables; `None` makes one among the temporary files.
    pub keep: Option<PathBuf>,
    /// The component of `sample-transforms/orders-with-poison`; `None` builds it from the checkout.
    pub wasm: Option<PathBuf>,
}

/// Runs the demo and tells its story on stderr.
///
/// # Errors
/// The transform does not build, the folder is in use, or a worker ends unexpectedly.
pub fn run(options: &Options) -> Result<Report, Failure> {
    let records = options.records;
    let wasm = component(options.wasm.as_deref())?;
    let folder = folder(options.keep.as_deref())?;
    // Before the first worker starts. A folder that the user has named is kept.
    interrupt::clean_up_on_interrupt(options.keep.is_none().then(|| folder.clone()))?;
    let story = Story::begin(records);

    story.tell("starting a Kafka of three brokers in this process");
    let partitions = records.div_ceil(PARTITION_RECORDS_MAX).max(4);
    let kafka = Kafka::start(TOPIC, partitions)?;
    let expected = kafka.produce(orders::generate(records))?;
    story.tell(&format!("{} orders in {partitions} partitions, with poison among them", grouped(records)));

    let pipeline = folder.join("pipeline.yaml");
    pipeline::write(&pipeline, &wasm, &kafka.bootstrap_servers(), records)?;
    let mut timeline = Timeline::begin();
    let killed_after = work_until_killed(&pipeline, records, &story, &mut timeline)?;
    let killed = grouped(killed_after);
    story.tell(&format!("killed with -9 after {killed} committed records; a new worker starts"));
    story.tell("the brokers need some seconds to give up the killed worker, then its partitions move on");
    work_to_the_end(&pipeline, killed_after, &story, &mut timeline)?;
    story.end();

    let books = audited(&pipeline)?;
    let audit = Audit::read(&folder.join("tables/orders"), &folder.join("tables/orders_dlq"), &books, &expected)?;
    Ok(Report { audit, expected, killed_after, timeline, folder })
}

/// The component that the user gives, or one built from the checkout.
fn component(given: Option<&Path>) -> Result<PathBuf, Failure> {
    match given {
        Some(wasm) => wasm.canonicalize().usage(format!("there is no file {}", wasm.display())),
        None => {
            terminal::tell(format_args!("building sample-transforms/orders-with-poison"));
            guests::build("sample-transforms/orders-with-poison")
        }
    }
}

fn folder(keep: Option<&Path>) -> Result<PathBuf, Failure> {
    let Some(folder) = keep else {
        let folder = tempfile::Builder::new().prefix("sluicebox-demo-").tempdir()?;
        return Ok(folder.keep());
    };
    std::fs::create_dir_all(folder).environment(format!("cannot make {}", folder.display()))?;
    if folder.join("tables").exists() {
        return Err(Failure::usage(format!("{} holds tables already: give an empty folder", folder.display())));
    }
    Ok(folder.canonicalize()?)
}

/// What `sluicebox audit` says of the tables. It does not know what was produced.
fn audited(pipeline: &Path) -> Result<Books, Failure> {
    let document = Document::load(pipeline).environment("cannot read the demo's own pipeline file")?;
    // As `run` does: the store's client and the log's reader take turns on several threads.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build()?;
    runtime.block_on(sluicebox_audit::audit(document.settings(), true)).environment("cannot audit the tables")
}

/// What happens, on stderr: a bar on a terminal, plain lines elsewhere.
struct Story {
    bar: ProgressBar,
}

impl Story {
    fn begin(records: usize) -> Self {
        let bar = ProgressBar::new(records as u64);
        let style = ProgressStyle::with_template("{bar:30} {human_pos} of {human_len} records  {elapsed}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Story { bar }
    }

    fn tell(&self, line: &str) {
        if self.bar.is_hidden() { terminal::tell(format_args!("{line}")) } else { self.bar.println(line) }
    }

    fn end(&self) {
        self.bar.finish_and_clear();
    }
}

/// Lets a worker commit its share, then kills it. Returns how many records it committed.
fn work_until_killed(
    pipeline: &Path,
    records: usize,
    story: &Story,
    timeline: &mut Timeline,
) -> Result<usize, Failure> {
    let mut worker = Worker::start(pipeline)?;
    while let Some(committed) = worker.committed()? {
        timeline.note_flush(committed);
        story.bar.set_position(committed as u64);
        if committed as f64 >= records as f64 * KILLED_AFTER_SHARE {
            worker.kill()?;
            timeline.note_kill();
            return Ok(committed);
        }
    }
    Err(worker.unexpected_end(pipeline))
}

/// Lets a worker do the rest.
fn work_to_the_end(pipeline: &Path, before: usize, story: &Story, timeline: &mut Timeline) -> Result<(), Failure> {
    let mut worker = Worker::start(pipeline)?;
    let mut committed_any = false;
    while let Some(committed) = worker.committed()? {
        committed_any = true;
        timeline.note_flush(before + committed);
        story.bar.set_position((before + committed) as u64);
    }
    // It has closed its stdout, so it is about to end; the minute is for slow machines.
    if !worker.wait(Duration::from_secs(60))? {
        return Err(worker.unexpected_end(pipeline));
    }
    timeline.note_end();
    match committed_any {
        true => Ok(()),
        false => Err(Failure::environment(
            "the worker committed everything before the demo could kill it: give more `--records`",
        )),
    }
}
