//! A Kafka of three brokers in this process, and the orders in it.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use rdkafka::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{DefaultProducerContext, FutureProducer, FutureRecord, Producer as _};
use sluicebox_console::exit::{Blame as _, Failure};

use crate::orders::{Fate, Order};

/// Where each record lies, by partition and offset, and what has to become of it.
pub(crate) type Expected = BTreeMap<(i32, i64), Fate>;

/// Deliveries that are awaited at once.
const IN_FLIGHT_MAX: usize = 5_000;

/// The brokers. They vanish with this value.
pub(crate) struct Kafka {
    cluster: MockCluster<'static, DefaultProducerContext>,
    topic: &'static str,
    partitions: usize,
}

impl Kafka {
    pub(crate) fn start(topic: &'static str, partitions: usize) -> Result<Self, Failure> {
        let cluster = MockCluster::new(3).environment("cannot start the brokers")?;
        cluster.create_topic(topic, partitions as i32, 3).environment("cannot make the topic")?;
        Ok(Kafka { cluster, topic, partitions })
    }

    pub(crate) fn bootstrap_servers(&self) -> String {
        self.cluster.bootstrap_servers()
    }

    /// Produces the orders, round robin, and notes where the brokers put each of them.
    pub(crate) fn produce(&self, orders: impl Iterator<Item = Order>) -> Result<Expected, Failure> {
        let producer: FutureProducer = ClientConfig::new()
            .set("bootstrap.servers", self.bootstrap_servers())
            .set("linger.ms", "5")
            .set("enable.idempotence", "true")
            .create()
            .environment("cannot make a producer")?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let expected = runtime.block_on(self.deliver(&producer, orders))?;
        producer.flush(Duration::from_secs(10)).environment("cannot flush the producer")?;
        Ok(expected)
    }

    async fn deliver(
        &self,
        producer: &FutureProducer,
        orders: impl Iterator<Item = Order>,
    ) -> Result<Expected, Failure> {
        let mut expected = Expected::new();
        let mut deliveries = FuturesUnordered::new();
        for (index, order) in orders.enumerate() {
            let partition = (index % self.partitions) as i32;
            deliveries.push(async move {
                let record = FutureRecord::to(self.topic).partition(partition).key(&order.key).payload(&order.value);
                producer.send(record, Duration::from_secs(30)).await.map(|delivery| (delivery, order.fate))
            });
            // Bounds what is in flight: librdkafka's queue has a limit, and a demo should not need much memory.
            if deliveries.len() >= IN_FLIGHT_MAX {
                note(&mut expected, deliveries.next().await)?;
            }
        }
        while let Some(delivery) = deliveries.next().await {
            note(&mut expected, Some(delivery))?;
        }
        Ok(expected)
    }
}

type Sent = Result<
    (rdkafka::producer::future_producer::Delivery, Fate),
    (rdkafka::error::KafkaError, rdkafka::message::OwnedMessage),
>;

fn note(expected: &mut Expected, sent: Option<Sent>) -> Result<(), Failure> {
    if let Some(sent) = sent {
        let (delivery, fate) = sent.map_err(|(error, _)| error).environment("cannot produce")?;
        expected.insert((delivery.partition, delivery.offset), fate);
    }
    Ok(())
}
