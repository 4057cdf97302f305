//! Which topics to subscribe to. A pattern is matched here against the names that the brokers report, because librdkafka reads
//! patterns in a dialect of its own (POSIX: `\d` is a `d`): `check`, `run` and Lambda use one filter.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use sluicebox_ledger::ClientError;
use sluicebox_settings::Topics;
use tracing::{debug, info, warn};

use crate::client::failed;

/// How long the brokers may take to list their topics: the walk waits meanwhile, and a stop must not.
const LIST_TIMEOUT: Duration = Duration::from_secs(1);

/// The topics that a consumer is subscribed to.
pub(crate) struct Subscription {
    topics: Topics,
    names: BTreeSet<String>,
    /// How often the brokers are asked for topics that are new or gone.
    interval: Duration,
    /// When to ask next; never for topics by name.
    due: Option<Instant>,
    /// Whether the brokers have listed their topics, and none matched.
    is_empty: bool,
}

impl Subscription {
    /// Subscribes to topics by name. A pattern waits for the brokers: see [`Self::refresh`].
    pub(crate) fn begin<C: ConsumerContext>(
        consumer: &BaseConsumer<C>,
        topics: &Topics,
        interval: Duration,
    ) -> Result<Self, ClientError> {
        let mut subscription =
            Self { topics: topics.clone(), names: BTreeSet::new(), interval, due: None, is_empty: false };
        match topics {
            Topics::Named(names) => subscription.subscribe(consumer, names.iter().cloned().collect())?,
            Topics::Matching(_) => subscription.due = Some(Instant::now()),
        }
        Ok(subscription)
    }

    /// Whether the brokers have no topic to read.
    pub(crate) fn is_empty(&self) -> bool {
        self.is_empty
    }

    /// Asks for topics that are new or gone, if it is time to.
    pub(crate) fn refresh<C: ConsumerContext>(&mut self, consumer: &BaseConsumer<C>) -> Result<(), ClientError> {
        if self.due.is_none_or(|due| Instant::now() < due) {
            return Ok(());
        }
        let metadata = match consumer.fetch_metadata(None, LIST_TIMEOUT) {
            Ok(metadata) => metadata,
            Err(error) => {
                debug!(%error, "topics unknown: the brokers do not answer; asking again");
                self.due = Some(Instant::now() + LIST_TIMEOUT);
                return Ok(());
            }
        };
        self.due = Some(Instant::now() + self.interval);
        let filter = self.topics.filter();
        let names = metadata.topics().iter().map(|topic| topic.name()).filter(|name| filter.takes_in(name));
        let names: BTreeSet<String> = names.map(str::to_owned).collect();
        if names.is_empty() {
            // A broker that has just started may not know its topics yet: what is subscribed stays so.
            if !self.is_empty && self.names.is_empty() {
                warn!("no topic matches `topics_regex` yet; the brokers are asked again");
            }
            self.is_empty = self.names.is_empty();
            return Ok(());
        }
        self.is_empty = false;
        if names == self.names { Ok(()) } else { self.subscribe(consumer, names) }
    }

    fn subscribe<C: ConsumerContext>(
        &mut self,
        consumer: &BaseConsumer<C>,
        names: BTreeSet<String>,
    ) -> Result<(), ClientError> {
        let list: Vec<&str> = names.iter().map(String::as_str).collect();
        consumer.subscribe(&list).map_err(failed("subscribing"))?;
        info!(topics = list.join(", "), "subscribed");
        self.names = names;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::config::ClientConfig;
    use rdkafka::mocking::MockCluster;

    use super::*;

    fn subscribed(consumer: &BaseConsumer) -> BTreeSet<String> {
        consumer.subscription().unwrap().elements().iter().map(|element| element.topic().to_owned()).collect()
    }

    #[test]
    fn a_pattern_is_read_in_one_dialect_and_finds_topics_that_come_later() {
        let cluster = MockCluster::new(1).unwrap();
        for topic in ["orders-1", "orders-d", "__orders-9"] {
            cluster.create_topic(topic, 1, 1).unwrap();
        }
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", cluster.bootstrap_servers())
            .set("group.id", "g")
            .create()
            .unwrap();
        let topics = Topics::Matching(r"^(?:__)?orders-\d+$".to_owned());
        let mut subscription = Subscription::begin(&consumer, &topics, Duration::ZERO).unwrap();
        let mut refresh_until = |wanted: &[&str]| {
            let wanted: BTreeSet<String> = wanted.iter().map(|&name| name.to_owned()).collect();
            let deadline = Instant::now() + Duration::from_secs(20);
            while subscribed(&consumer) != wanted && Instant::now() < deadline {
                subscription.refresh(&consumer).unwrap();
            }
            assert_eq!(subscribed(&consumer), wanted);
        };
        refresh_until(&["orders-1"]);
        cluster.create_topic("orders-22", 1, 1).unwrap();
        refresh_until(&["orders-1", "orders-22"]);
    }
}
