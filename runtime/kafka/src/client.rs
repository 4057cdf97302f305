//! What all clients of the brokers share: the configuration, the request timeout and the form of errors.

use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use sluicebox_ledger::{ClientError, ErrorKind};

use crate::Brokers;
use crate::bearer::authenticate;

/// How long a broker may take to answer a request.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// The configuration of a consumer. The user's properties may override the first group of settings, never the second.
pub(crate) fn configuration(brokers: &Brokers, drain: bool) -> Result<ClientConfig, ClientError> {
    let settings = &brokers.settings;
    let mut configuration = ClientConfig::new();
    configuration
        .set("client.id", "sluicebox")
        // Bounds the memory of prefetched records, for all partitions together.
        .set("queued.max.messages.kbytes", "32768")
        // librdkafka's default of one second after a full queue would leave the walk idle (librdkafka issue 3662).
        .set("fetch.queue.backoff.ms", "5")
        .set("topic.metadata.refresh.interval.ms", "30000");
    for (name, value) in &settings.properties {
        configuration.set(name, value.reveal());
    }
    configuration
        .set("bootstrap.servers", &settings.brokers)
        .set("group.id", &settings.group)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        .set("isolation.level", "read_committed")
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("statistics.interval.ms", if drain { "200" } else { "5000" });
    authenticate(brokers, &mut configuration)?;
    Ok(configuration)
}

/// Wraps the client library's error in one that says what failed.
pub(crate) fn failed(doing: &'static str) -> impl Fn(KafkaError) -> ClientError {
    move |source| {
        let kind = if is_final(&source) { ErrorKind::Stop } else { ErrorKind::Environment };
        ClientError::new(kind, "kafka", doing, source)
    }
}

/// Whether librdkafka will not recover from the error, however long the walk waits.
fn is_final(error: &KafkaError) -> bool {
    use RDKafkaErrorCode::{Fatal, TopicAuthorizationFailed};
    matches!(error, KafkaError::Subscription(_) | KafkaError::ClientConfig(..))
        || matches!(error.rdkafka_error_code(), Some(Fatal | TopicAuthorizationFailed))
}
