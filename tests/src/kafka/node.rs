//! One Kafka process: its settings, its data folder, its life.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::guard::Guard;
use crate::lifeline::Lifeline;
use crate::place;

/// Small heaps, quick start, and no compiler threads that would outweigh what is measured.
const JAVA: [&str; 6] = [
    "-Xms64m",
    "-Xmx320m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Xshare:auto",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
];

/// The features of a fresh cluster, as `kafka-storage format --feature group.version=1` writes them for Kafka 4.1: without it the
/// brokers refuse the groups of the next generation (KIP-848). The other features keep their first level.
const FEATURES: &[u8] = include_bytes!("../../kafka/bootstrap.checkpoint");

pub(super) struct Node {
    folder: PathBuf,
    process: Option<Lifeline>,
}

impl Node {
    pub(super) fn start(
        folder: &Path,
        index: usize,
        brokers: &[u16],
        controllers: &[u16],
        door: Option<(&Guard, u16)>,
    ) -> Result<Self> {
        let data = folder.join("data");
        fs::create_dir_all(&data).with_context(|| format!("can't create {}", data.display()))?;
        fs::write(data.join("meta.properties"), identity(index))?;
        fs::write(data.join("bootstrap.checkpoint"), FEATURES)?;
        let mut settings = settings(folder, index, brokers, controllers)?;
        if let Some((guard, port)) = door {
            settings = guard.beside(settings, port);
        }
        fs::write(folder.join("server.properties"), settings)?;
        let mut node = Self { folder: folder.to_owned(), process: None };
        node.resume()?;
        Ok(node)
    }

    pub(super) fn resume(&mut self) -> Result<()> {
        let classpath = place::kafka_jars()?.join("*");
        let settings = self.folder.join("server.properties");
        let arguments = JAVA.iter().map(Into::into).chain([
            "-cp".into(),
            classpath.into_os_string(),
            "kafka.Kafka".into(),
            settings.into_os_string(),
        ]);
        self.process = Some(Lifeline::start("java", arguments, &self.log())?);
        Ok(())
    }

    pub(super) fn kill(&mut self) {
        self.process = None;
    }

    /// The end of the broker's log, for an error message.
    pub(super) fn last_words(&self) -> String {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(10)..].iter().map(|line| format!("  {line}\n")).collect()
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }
}

/// What `kafka-storage format` would write: who this node is, in which cluster. Saves three starts of a JVM.
/// Ids are 16 bytes in base64; each node's must be its own, or the controller lets only one in.
fn identity(index: usize) -> String {
    format!(
        "version=1\ncluster.id=c2x1aWNlYm94LXRlc3RzMQ\nnode.id={id}\ndirectory.id=c2x1aWNlYm94LWRpcmVj{id}A\n",
        id = index + 1,
    )
}

fn settings(folder: &Path, index: usize, brokers: &[u16], controllers: &[u16]) -> Result<String> {
    let voters: Vec<String> =
        controllers.iter().enumerate().map(|(index, port)| format!("{}@127.0.0.1:{port}", index + 1)).collect();
    let broker = brokers.get(index).context("a broker without a port")?;
    let controller = controllers.get(index).context("a controller without a port")?;
    Ok(format!(
        "process.roles=broker,controller
node.id={id}
controller.quorum.voters={voters}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{broker}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
default.replication.factor=3
min.insync.replicas=2
offsets.topic.replication.factor=3
offsets.topic.num.partitions=3
transaction.state.log.replication.factor=3
transaction.state.log.num.partitions=3
transaction.state.log.min.isr=2
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
group.consumer.min.session.timeout.ms=1000
group.consumer.session.timeout.ms=3000
group.consumer.min.heartbeat.interval.ms=200
group.consumer.heartbeat.interval.ms=300
log.cleaner.dedupe.buffer.size=4194304
log.cleaner.backoff.ms=200
log.retention.ms=-1
message.max.bytes=16777216
replica.fetch.max.bytes=16777216
auto.create.topics.enable=false
",
        id = index + 1,
        voters = voters.join(","),
        data = folder.join("data").display(),
    ))
}
