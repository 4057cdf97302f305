//! The formulas of docs/cost.md, one for each way to run a pipeline. Kafka, data at rest, traffic and logs cost the same in
//! all of them and are left out.

use serde::Serialize;

use super::prices::Book;

const SECONDS_AN_HOUR: f64 = 3600.0;
const BYTES_A_GB: f64 = 1e9;
/// A task of a container.
pub(super) const TASK_VCPU: f64 = 1.0;
pub(super) const TASK_GB: f64 = 2.0;
/// Four vCPU each, with 16 GB.
const EMR_WORKER_VCPU: f64 = 4.0;
const EMR_WORKER_GB: f64 = 16.0;

/// How long a function may run.
const FUNCTION_SECONDS_MAX: f64 = 900.0;
/// The part of its time that a function in drain mode spends on records, at most: the rest is for joining and leaving.
const LOAD_MAX: f64 = 0.8;

/// The records that arrive.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Records a second, on average.
    pub records_per_second: f64,
    /// Bytes of a record: key, value and headers.
    pub record_bytes: f64,
}

/// How Sluicebox is set up.
#[derive(Clone, Copy, Debug)]
pub struct Mode {
    /// Records an invocation; `None` takes as many as arrive within the window, up to Lambda's limits.
    pub batch_records: Option<f64>,
    /// How long Lambda gathers records for one invocation.
    pub window_seconds: f64,
    /// How often the drain mode is invoked.
    pub drain_interval_seconds: f64,
    /// Provisioned poller units; none with on-demand polling.
    pub poller_units: f64,
    /// What the pipeline's file says; `None` takes the assumptions of the prices' file.
    pub pipeline: Option<Pipeline>,
}

/// What a pipeline's file says about its flushes.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Pipeline {
    /// Tables, without the dead letters.
    pub tables: usize,
    /// How long rows wait for a flush; `flush.interval`.
    pub flush_interval_seconds: f64,
}

/// A way to run a pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    LambdaEvents,
    LambdaDrain,
    Fargate,
    Glue,
    EmrServerless,
    Spark,
    Firehose,
}

impl Way {
    pub(crate) const ALL: [Self; 7] = [
        Self::LambdaEvents,
        Self::LambdaDrain,
        Self::Fargate,
        Self::Glue,
        Self::EmrServerless,
        Self::Spark,
        Self::Firehose,
    ];

    /// The name in tables and in the JSON form.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::LambdaEvents => "lambda_events",
            Self::LambdaDrain => "lambda_drain",
            Self::Fargate => "fargate",
            Self::Glue => "glue",
            Self::EmrServerless => "emr_serverless",
            Self::Spark => "spark_on_emr",
            Self::Firehose => "firehose",
        }
    }

    /// What you pay for, in words.
    pub(crate) fn what(self) -> &'static str {
        match self {
            Self::LambdaEvents => "sluicebox as a function behind the Kafka trigger",
            Self::LambdaDrain => "sluicebox as a function on a schedule",
            Self::Fargate => "sluicebox as a container, 1 vCPU and 2 GB a task",
            Self::Glue => "a Glue streaming job",
            Self::EmrServerless => "Spark on EMR Serverless",
            Self::Spark => "a Spark cluster, EMR on EC2",
            Self::Firehose => "Firehose and a function; writes no Delta table",
        }
    }

    /// Dollars an hour.
    pub(crate) fn per_hour(self, load: &Load, mode: &Mode, book: &Book) -> f64 {
        match self {
            Self::LambdaEvents => lambda_events(load, mode, book),
            Self::LambdaDrain => lambda_drain(load, mode, book),
            Self::Fargate => fargate(load, mode, book),
            Self::Glue => {
                let figures = &book.others;
                let rate = figures.glue_dpu_records_per_second.value;
                at_least(figures.glue_dpu_min.value, load, rate) * book.prices.glue_dpu_hour.value
            }
            Self::EmrServerless => {
                let (figures, prices) = (&book.others, &book.prices);
                let rate = figures.emr_serverless_worker_records_per_second.value;
                let worker = EMR_WORKER_VCPU * prices.emr_serverless_vcpu_hour.value
                    + EMR_WORKER_GB * prices.emr_serverless_gb_hour.value;
                at_least(figures.emr_serverless_workers_min.value, load, rate) * worker
            }
            Self::Spark => {
                let figures = &book.others;
                let rate = figures.spark_node_records_per_second.value;
                at_least(figures.spark_nodes_min.value, load, rate) * book.prices.spark_node_hour.value
            }
            Self::Firehose => firehose(load, book),
        }
    }
}

/// As many units as the load needs, but at least the smallest installation.
fn at_least(units_min: f64, load: &Load, unit_records_per_second: f64) -> f64 {
    (load.records_per_second / unit_records_per_second).ceil().max(units_min)
}

/// What a flush costs in requests to S3. The file of prices has those of one table and of the dead letters, half of them each.
fn flush_requests(mode: &Mode, book: &Book) -> f64 {
    let both =
        book.walk.flush_puts.value * book.prices.s3_put.value + book.walk.flush_gets.value * book.prices.s3_get.value;
    both * (tables(mode) + 1.0) / 2.0
}

/// How many tables the pipeline has, without its dead letters.
pub(super) fn tables(mode: &Mode) -> f64 {
    mode.pipeline.map_or(1.0, |pipeline| pipeline.tables as f64)
}

/// How long a process that runs all the time waits between flushes.
pub(super) fn flush_interval_seconds(mode: &Mode, book: &Book) -> f64 {
    let assumed = book.walk.container_flush_interval_seconds.value;
    mode.pipeline.map_or(assumed, |pipeline| pipeline.flush_interval_seconds)
}

/// What an invocation of so many seconds costs.
fn invocation(seconds: f64, book: &Book) -> f64 {
    book.prices.lambda_request.value + book.walk.lambda_memory_gb.value * book.prices.lambda_gb_second.value * seconds
}

/// Dollars a record in event mode, with so many records an invocation.
pub(super) fn per_record_of_batch(batch_records: f64, mode: &Mode, book: &Book) -> f64 {
    let seconds = book.walk.flush_seconds.value + batch_records * book.walk.record_seconds.value;
    (invocation(seconds, book) + flush_requests(mode, book)) / batch_records
}

fn lambda_events(load: &Load, mode: &Mode, book: &Book) -> f64 {
    let batch_records = batch_records(load, mode, book);
    let pollers = mode.poller_units * book.prices.lambda_poller_unit_hour.value;
    load.records_per_second * SECONDS_AN_HOUR * per_record_of_batch(batch_records, mode, book) + pollers
}

/// How many records come with an invocation.
pub(super) fn batch_records(load: &Load, mode: &Mode, book: &Book) -> f64 {
    mode.batch_records.unwrap_or_else(|| {
        let of_payload = (book.walk.payload_bytes_max.value / load.record_bytes).floor();
        let of_window = load.records_per_second * mode.window_seconds;
        // At least one: Lambda does not invoke a function without records.
        of_window.min(of_payload).min(book.walk.batch_records_max.value).max(1.0)
    })
}

fn lambda_drain(load: &Load, mode: &Mode, book: &Book) -> f64 {
    let records = load.records_per_second * mode.drain_interval_seconds;
    let working = records * book.walk.record_seconds.value;
    // More than one function has time for is shared among the group by several.
    let functions = (working / (mode.drain_interval_seconds.min(FUNCTION_SECONDS_MAX) * LOAD_MAX)).ceil().max(1.0);
    // Each flushes as a container does: by time, and once at the end.
    let flushes = functions + (working / flush_interval_seconds(mode, book)).floor();
    let seconds = functions * book.walk.join_seconds.value + working + flushes * book.walk.flush_seconds.value;
    // `invocation` counts one request already.
    let requests = (functions - 1.0) * book.prices.lambda_request.value;
    let once = invocation(seconds, book) + requests + flushes * flush_requests(mode, book);
    once * SECONDS_AN_HOUR / mode.drain_interval_seconds
}

fn fargate(load: &Load, mode: &Mode, book: &Book) -> f64 {
    let prices = &book.prices;
    let task = TASK_VCPU * prices.fargate_vcpu_hour.value + TASK_GB * prices.fargate_gb_hour.value;
    // At less than a record an interval there is not a flush in each of them.
    let interval = flush_interval_seconds(mode, book).max(1.0 / load.records_per_second);
    tasks(load, book) * (task + flush_requests(mode, book) * SECONDS_AN_HOUR / interval)
}

/// How many tasks of a container the load needs.
pub(super) fn tasks(load: &Load, book: &Book) -> f64 {
    at_least(1.0, load, book.walk.container_load_max.value / book.walk.record_seconds.value)
}

fn firehose(load: &Load, book: &Book) -> f64 {
    let gb = load.records_per_second * load.record_bytes * SECONDS_AN_HOUR / BYTES_A_GB;
    let records = (book.others.firehose_buffer_bytes.value / load.record_bytes).max(1.0);
    let call = book.others.firehose_call_seconds.value + records * book.walk.record_seconds.value;
    let calls = load.records_per_second * SECONDS_AN_HOUR / records;
    gb * book.prices.firehose_gb.value + calls * invocation(call, book)
}
