//! A real Apache Kafka on the loopback interface: three nodes, each broker and controller, replication 3,
//! `min.insync.replicas=2`. Knows nothing of Sluicebox.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use futures::executor::block_on;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::{Offset, TopicPartitionList};

use crate::feed::Placed;
use crate::lifeline::Lifeline;
use crate::place;
use crate::ports;

mod guard;
mod message;
mod node;

use guard::Guard;
pub use message::Message;
use node::Node;

const NODES: usize = 3;
const START_DURATION_MAX: Duration = Duration::from_secs(90);
const REQUEST_DURATION_MAX: Duration = Duration::from_secs(30);
/// Thousands of partitions take the brokers a while.
const LEADERS_DURATION_MAX: Duration = Duration::from_secs(120);

/// Three brokers. Dropped, they are killed and their data removed.
pub struct Cluster {
    bootstrap: String,
    nodes: Vec<Node>,
    /// Beside the open door, one for those who show a token.
    guarded: Option<(Guard, String)>,
    // Last: fields drop in order, and the folder goes when the nodes are gone.
    _folder: Lifeline,
}

impl Cluster {
    /// The cluster that all tests of this binary share, each with topics of its own; started by the first to ask.
    pub fn shared() -> Result<&'static Self> {
        static SHARED: LazyLock<Result<Cluster>> = LazyLock::new(Cluster::start);
        SHARED.as_ref().map_err(|error| anyhow!("the shared Kafka did not start: {error:#}"))
    }

    /// Starts a cluster of its own, for a test that breaks it. Takes about ten seconds.
    pub fn start() -> Result<Self> {
        Self::start_in(&fresh_folder()?, None)
    }

    /// Starts a cluster of its own which has, beside the open port, one with TLS and SASL/OAUTHBEARER, as Amazon MSK has:
    /// it lets in who shows a token that has not expired, and asks for another every few seconds.
    pub fn start_guarded() -> Result<Self> {
        let folder = fresh_folder()?;
        Self::start_in(&folder, Some(Guard::new(&folder)?))
    }

    fn start_in(folder: &Path, guard: Option<Guard>) -> Result<Self> {
        let ports = ports::free(3 * NODES)?;
        let (brokers, others) = ports.split_at(NODES);
        let (controllers, doors) = others.split_at(NODES);
        let nodes = (0..NODES)
            .map(|index| {
                let door = guard.as_ref().zip(doors.get(index).copied());
                Node::start(&folder.join(format!("node-{index}")), index, brokers, controllers, door)
            })
            .collect::<Result<Vec<_>>>()?;
        let list = |ports: &[u16]| ports.iter().map(|port| format!("127.0.0.1:{port}")).collect::<Vec<_>>().join(",");
        let guarded = guard.map(|guard| (guard, list(doors)));
        let cluster = Self { bootstrap: list(brokers), nodes, guarded, _folder: Lifeline::folder(folder)? };
        cluster.await_brokers()?;
        Ok(cluster)
    }

    /// The addresses for those who show a token, and the certificate to trust there, of a cluster that is guarded.
    pub fn guarded(&self) -> Option<(&str, &Path)> {
        self.guarded.as_ref().map(|(guard, bootstrap)| (bootstrap.as_str(), guard.certificate()))
    }

    /// The brokers' addresses, as `bootstrap.servers` takes them.
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// A client's settings, with the brokers filled in.
    pub fn client(&self) -> ClientConfig {
        let mut settings = ClientConfig::new();
        settings.set("bootstrap.servers", &self.bootstrap);
        settings
    }

    /// Creates a topic of three replicas. `settings` are the topic's own: `("cleanup.policy", "compact")`.
    pub fn create_topic(&self, name: &str, partitions: i32, settings: &[(&str, &str)]) -> Result<()> {
        self.create_topic_of(name, partitions, 3, settings)
    }

    /// Creates a topic of one replica, for so many partitions that three of each would only keep the brokers busy.
    pub fn create_wide_topic(&self, name: &str, partitions: i32) -> Result<()> {
        self.create_topic_of(name, partitions, 1, &[("min.insync.replicas", "1")])
    }

    /// Creates a topic of that many replicas: with a single one, the death of a broker leaves partitions without a leader.
    pub fn create_topic_of(&self, name: &str, partitions: i32, replicas: i32, settings: &[(&str, &str)]) -> Result<()> {
        let admin: AdminClient<DefaultClientContext> = self.client().create()?;
        let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(replicas));
        let topic = settings.iter().fold(topic, |topic, (key, value)| topic.set(key, value));
        let options = AdminOptions::new()
            .operation_timeout(Some(REQUEST_DURATION_MAX))
            .request_timeout(Some(REQUEST_DURATION_MAX));
        for result in block_on(admin.create_topics([&topic], &options))? {
            result.map_err(|(topic, code)| anyhow!("can't create topic {topic}: {code}"))?;
        }
        self.await_leaders(name, partitions)
    }

    /// Adds partitions to a topic, up to this number.
    pub fn add_partitions(&self, name: &str, partitions: i32) -> Result<()> {
        let admin: AdminClient<DefaultClientContext> = self.client().create()?;
        let grown = NewPartitions::new(name, partitions as usize);
        for result in block_on(admin.create_partitions([&grown], &AdminOptions::new()))? {
            result.map_err(|(topic, code)| anyhow!("can't add partitions to topic {topic}: {code}"))?;
        }
        self.await_leaders(name, partitions)
    }

    /// Which broker leads a partition, as [`Self::kill_broker`] counts them.
    pub fn leader(&self, topic: &str, partition: i32) -> Result<usize> {
        let consumer: BaseConsumer = self.client().create()?;
        let metadata = consumer.fetch_metadata(Some(topic), REQUEST_DURATION_MAX)?;
        let partitions = metadata.topics().first().context("no such topic")?.partitions();
        let found = partitions.iter().find(|it| it.id() == partition).context("no such partition")?;
        usize::try_from(found.leader())?.checked_sub(1).context("no leader")
    }

    /// Deletes a topic, and returns once no broker knows it any more.
    pub fn delete_topic(&self, name: &str) -> Result<()> {
        let admin: AdminClient<DefaultClientContext> = self.client().create()?;
        for result in block_on(admin.delete_topics(&[name], &AdminOptions::new()))? {
            result.map_err(|(topic, code)| anyhow!("can't delete topic {topic}: {code}"))?;
        }
        let started = Instant::now();
        while started.elapsed() < REQUEST_DURATION_MAX {
            // A new client each time: it asks the brokers in turn, and remembers nothing.
            let consumer: BaseConsumer = self.client().create()?;
            let metadata = consumer.fetch_metadata(Some(name), REQUEST_DURATION_MAX)?;
            if metadata.topics().iter().all(|topic| topic.error().is_some()) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("topic {name} is still there after {REQUEST_DURATION_MAX:?}")
    }

    /// Deletes the records of a partition below `before`, as retention does.
    pub fn delete_records(&self, topic: &str, partition: i32, before: i64) -> Result<()> {
        let admin: AdminClient<DefaultClientContext> = self.client().create()?;
        let mut asked = TopicPartitionList::new();
        asked.add_partition_offset(topic, partition, Offset::Offset(before))?;
        let deleted = block_on(admin.delete_records(&asked, &AdminOptions::new()))?;
        deleted.elements().iter().try_for_each(|element| Ok(element.error()?))
    }

    /// Commits an offset for a group as anybody may who is no member of it.
    pub fn commit(&self, group: &str, topic: &str, partition: i32, offset: i64) -> Result<()> {
        let consumer: BaseConsumer = self.client().set("group.id", group).create()?;
        let mut offsets = TopicPartitionList::new();
        offsets.add_partition_offset(topic, partition, Offset::Offset(offset))?;
        Ok(consumer.commit(&offsets, CommitMode::Sync)?)
    }

    /// Sends messages with `acks=all` and returns once all are acknowledged, in order within a partition.
    pub fn produce<'a>(&self, topic: &str, messages: impl IntoIterator<Item = &'a Message>) -> Result<()> {
        message::produce(&self.client(), topic, messages)
    }

    /// The first offset and the one after the last of a partition.
    pub fn offsets(&self, topic: &str, partition: i32) -> Result<(i64, i64)> {
        let consumer: BaseConsumer = self.client().create()?;
        Ok(consumer.fetch_watermarks(topic, partition, REQUEST_DURATION_MAX)?)
    }

    /// All that a consumer of committed transactions finds in a partition.
    pub fn read(&self, topic: &str, partition: i32) -> Result<Vec<Placed>> {
        let (_, end) = self.offsets(topic, partition)?;
        message::read(&self.client(), topic, partition, end)
    }

    /// What a group has committed for a partition; none before its first commit.
    pub fn committed(&self, group: &str, topic: &str, partition: i32) -> Result<Option<i64>> {
        let consumer: BaseConsumer = self.client().set("group.id", group).create()?;
        let mut asked = rdkafka::TopicPartitionList::new();
        asked.add_partition(topic, partition);
        let committed = consumer.committed_offsets(asked, REQUEST_DURATION_MAX)?;
        Ok(committed.elements().first().and_then(|element| element.offset().to_raw()).filter(|offset| *offset >= 0))
    }

    /// Members of a consumer group at this moment.
    pub fn members(&self, group: &str) -> Result<usize> {
        let consumer: BaseConsumer = self.client().create()?;
        let started = Instant::now();
        loop {
            match consumer.fetch_group_list(Some(group), REQUEST_DURATION_MAX) {
                Ok(groups) => return Ok(groups.groups().iter().map(|group| group.members().len()).sum()),
                // The brokers' first answers, until the group's coordinator has made up its mind.
                Err(_) if started.elapsed() < REQUEST_DURATION_MAX => std::thread::sleep(Duration::from_millis(200)),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Kills a broker as a crash would.
    pub fn kill_broker(&mut self, index: usize) -> Result<()> {
        self.nodes.get_mut(index).context("no such broker")?.kill();
        Ok(())
    }

    /// Starts a killed broker again with its old data and port; returns at once.
    pub fn start_broker(&mut self, index: usize) -> Result<()> {
        self.nodes.get_mut(index).context("no such broker")?.resume()
    }

    /// Waits until all brokers are up.
    pub fn await_brokers(&self) -> Result<()> {
        let consumer: BaseConsumer = self.client().set("log_level", "0").create()?;
        let started = Instant::now();
        while started.elapsed() < START_DURATION_MAX {
            let metadata = consumer.fetch_metadata(None, Duration::from_secs(1));
            if metadata.is_ok_and(|metadata| metadata.brokers().len() >= NODES) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        let logs: String = self.nodes.iter().map(Node::last_words).collect();
        bail!("the brokers were not up after {START_DURATION_MAX:?}; they said:\n{logs}")
    }

    fn await_leaders(&self, topic: &str, partitions: i32) -> Result<()> {
        let consumer: BaseConsumer = self.client().create()?;
        let started = Instant::now();
        while started.elapsed() < LEADERS_DURATION_MAX {
            let metadata = consumer.fetch_metadata(Some(topic), REQUEST_DURATION_MAX)?;
            let led = |topic: &rdkafka::metadata::MetadataTopic| {
                topic.partitions().iter().filter(|partition| partition.leader() >= 0).count()
            };
            if metadata.topics().first().is_some_and(|topic| led(topic) == partitions as usize) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("topic {topic} has no leaders after {LEADERS_DURATION_MAX:?}")
    }
}

fn fresh_folder() -> Result<PathBuf> {
    let parent = place::target()?.join("kafka/data");
    std::fs::create_dir_all(&parent)?;
    Ok(tempfile::Builder::new().prefix("cluster-").tempdir_in(parent)?.keep())
}
