//! The whole walk, Kafka to Delta, against a consumer that only reads the same topic: CPU time a record, each in a
//! process of its own, so that the brokers in this one do not count. What starting up costs is left out: the time
//! counts from the first flush (the first thousands of records) on.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use serde_json::{Value, json};
use sluicebox_console::cpu;
use sluicebox_console::exit::{Blame as _, Failure};
use sluicebox_console::itself;
use sluicebox_console::terminal;

use crate::kafka::Kafka;
use crate::orders;

const TOPIC: &str = "orders";
/// Of the records: how many make a flush, and how many the consumer reads between two notes of its CPU time.
const FLUSH_SHARE: usize = 8;
/// The mock keeps the last 5 MB of a partition.
const PARTITION_RECORDS_MAX: usize = 15_000;

/// How long the reading child waits for anything.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// CPU nanoseconds a record.
pub(super) struct Walk {
    pub(super) records: usize,
    pub(super) walk_ns: f64,
    pub(super) only_read_ns: f64,
}

/// Walks `records` orders through the component.
pub(super) fn measure(wasm: &Path, records: usize) -> Result<Walk, Failure> {
    let kafka = Kafka::start(TOPIC, records.div_ceil(PARTITION_RECORDS_MAX))?;
    kafka.produce((0..records).map(orders::good_order))?;
    let brokers = kafka.bootstrap_servers();
    let folder = tempfile::Builder::new().prefix("sluicebox-bench-").tempdir()?;
    let pipeline = folder.path().join("pipeline.yaml");
    let settings = json!({
        "name": "bench",
        "source": { "kafka": { "brokers": brokers, "topics": [TOPIC] } },
        "transform": { "wasm": wasm.canonicalize()? },
        "tables": { "orders": { "path": "tables/orders" } },
        "dead_letters": { "path": "tables/dead_letters" },
        "flush": { "rows_max": records / FLUSH_SHARE, "bytes_max": "1GiB", "interval": "10m" },
    });
    std::fs::write(&pipeline, settings.to_string())?;
    let mut run = itself::command()?;
    run.arg("run").arg(&pipeline).args(["--drain", "--progress"]);
    let mut only_read = itself::command()?;
    only_read.args(["bench", "only-read", &brokers, TOPIC, &records.to_string()]);
    Ok(Walk { records, walk_ns: cpu_ns_each(run)?, only_read_ns: cpu_ns_each(only_read)? })
}

/// CPU time a record of a child that notes `records` and `cpu_seconds` line by line: the slope from first to last.
fn cpu_ns_each(mut command: Command) -> Result<f64, Failure> {
    let mut child = command.env("SLUICEBOX_LOG", "error").stdout(Stdio::piped()).spawn()?;
    let stdout = child.stdout.take().ok_or_else(|| Failure::environment("the child has no stdout"))?;
    let mut notes: Vec<(f64, f64)> = Vec::new();
    // To the end before `wait`: a child that waits for a full pipe would never end.
    for line in BufReader::new(stdout).lines() {
        let note: Value = serde_json::from_str(&line?).environment("the child's progress")?;
        let [records, cpu_seconds] =
            ["records", "cpu_seconds"].map(|name| note.get(name).and_then(Value::as_f64).unwrap_or_default());
        notes.push((records, cpu_seconds));
    }
    let status = child.wait()?;
    let (Some(first), Some(last)) = (notes.first(), notes.last()) else {
        return Err(Failure::environment(format!("the child ended with {status} and no figures")));
    };
    // A single note has no slope: the division below would be by zero.
    if !status.success() || last.0 <= first.0 {
        return Err(Failure::environment(format!("the child ended with {status} after {} records", last.0)));
    }
    Ok((last.1 - first.1) * 1e9 / (last.0 - first.0))
}

/// The child process that only reads: so many records from all partitions, each looked at once.
///
/// # Errors
/// The brokers do not deliver.
pub fn only_read(brokers: &str, topic: &str, records: u64) -> Result<(), Failure> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "sluicebox-bench-only-read")
        .set("enable.auto.commit", "false")
        // As the pipeline has them.
        .set("queued.max.messages.kbytes", "32768")
        .set("fetch.queue.backoff.ms", "5")
        .create()
        .environment("cannot make a consumer")?;
    consumer.assign(&whole_topic(&consumer, topic)?).environment("cannot take the partitions")?;
    let mut count = 0u64;
    let mut bytes = 0u64;
    let mut out = terminal::stdout();
    while count < records {
        let Some(message) = consumer.poll(WAIT_MAX) else {
            return Err(Failure::environment(format!("nothing came for {WAIT_MAX:?} after {count} records")));
        };
        bytes += message.environment("cannot read")?.payload_len() as u64;
        count += 1;
        if count.is_multiple_of((records / FLUSH_SHARE as u64).max(1)) {
            writeln!(out, "{}", json!({ "records": count, "bytes": bytes, "cpu_seconds": cpu::seconds() }))?;
        }
    }
    Ok(())
}

/// All partitions, from their beginning.
fn whole_topic(consumer: &BaseConsumer, topic: &str) -> Result<TopicPartitionList, Failure> {
    let metadata = consumer.fetch_metadata(Some(topic), WAIT_MAX).environment("cannot ask for the partitions")?;
    let mut list = TopicPartitionList::new();
    for partition in metadata.topics().iter().flat_map(|topic| topic.partitions()) {
        list.add_partition_offset(topic, partition.id(), Offset::Beginning).environment("cannot name a partition")?;
    }
    Ok(list)
}
