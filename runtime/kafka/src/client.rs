//! What all clients of the brokers share: the configuration, the request timeout and the form of errors.

use std::path::Path;
use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::consumer::BaseConsumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaConfRes;
use sluicebox_ledger::{ClientError, ErrorKind};
use sluicebox_settings::{Authentication, KafkaSettings};

use crate::Brokers;
use crate::bearer::{authenticate, token_properties};

/// How long a broker may take to answer a request.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// The configuration of a consumer. The user's properties may override the first group of settings, never the second.
pub(crate) fn configuration(brokers: &Brokers, drain: bool) -> Result<ClientConfig, ClientError> {
    let mut configuration = properties(brokers, drain);
    authenticate(brokers, &mut configuration)?;
    Ok(configuration)
}

fn properties(brokers: &Brokers, drain: bool) -> ClientConfig {
    let settings = &brokers.settings;
    let mut configuration = ClientConfig::new();
    configuration
        .set("client.id", "sluicebox")
        // Bounds the memory of prefetched records, for all partitions together.
        .set("queued.max.messages.kbytes", "32768")
        // librdkafka's default of one second after a full queue would leave the walk idle (librdkafka issue 3662).
        .set("fetch.queue.backoff.ms", "5")
        // A broker answers a fetch at once if it has a byte for it (`fetch.min.bytes`), but librdkafka has only one fetch at
        // a time under way for each broker: one that asks for partitions at their end only holds up all that have records
        // and whose queue has room again. With the default of 500 ms the walk idles; at 50 ms an idle worker costs a broker
        // at most 20 requests a second.
        .set("fetch.wait.max.ms", "50")
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
        .set("statistics.interval.ms", if drain { "200" } else { "5000" });
    // In groups of the next generation (KIP-848) the brokers assign partitions, and librdkafka refuses a strategy.
    if !configuration.get("group.protocol").is_some_and(|protocol| protocol.eq_ignore_ascii_case("consumer")) {
        configuration.set("partition.assignment.strategy", "cooperative-sticky");
    }
    configuration
}

/// Whether librdkafka takes the properties, each by itself and all together. Connects to nothing.
///
/// # Errors
/// librdkafka refuses a property; the message names it and shows no value.
pub fn check_properties(settings: &KafkaSettings) -> Result<(), ClientError> {
    let mut configuration = properties(&Brokers::new(settings.clone(), None), false);
    if let Some(Authentication::MskIam { .. }) = settings.authentication {
        token_properties(&mut configuration);
    }
    configuration.remove("bootstrap.servers");
    // A pipeline file is often checked where the container's certificates are not.
    if FILE_PROPERTIES.iter().any(|name| configuration.get(name).is_some_and(|path| !Path::new(path).exists())) {
        for name in FILE_PROPERTIES {
            configuration.remove(name);
        }
    }
    // Without addresses librdkafka has no one to connect to, and says so in a log line that is not meant for the user.
    configuration.set("log_level", "0");
    let checked: Result<BaseConsumer, KafkaError> = configuration.create();
    checked.map(drop).map_err(failed("checking `source.kafka.properties`"))
}

/// Properties that name files, which librdkafka reads when it creates a client.
const FILE_PROPERTIES: [&str; 5] =
    ["ssl.ca.location", "ssl.certificate.location", "ssl.crl.location", "ssl.key.location", "ssl.keystore.location"];

/// Wraps the client library's error in one that says what failed.
pub(crate) fn failed(doing: &'static str) -> impl Fn(KafkaError) -> ClientError {
    move |source| match source {
        // librdkafka's own words show the value, which may be a secret.
        KafkaError::ClientConfig(result, _, property, _) => {
            let why = match result {
                RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN => "librdkafka has no such property",
                _ => "librdkafka does not take its value",
            };
            let message = format!("{why}: `{property}`; see `source.kafka.properties`");
            ClientError::new(ErrorKind::Configuration, "kafka", doing, message)
        }
        KafkaError::ClientCreation(why) => {
            let message = format!("librdkafka does not take these properties together: {why}");
            ClientError::new(ErrorKind::Configuration, "kafka", doing, message)
        }
        source => {
            let kind = if is_final(&source) { ErrorKind::Stop } else { ErrorKind::Environment };
            ClientError::new(kind, "kafka", doing, source)
        }
    }
}

/// Whether librdkafka will not recover from the error, however long the walk waits.
fn is_final(error: &KafkaError) -> bool {
    use RDKafkaErrorCode::{Fatal, TopicAuthorizationFailed};
    matches!(error, KafkaError::Subscription(_))
        || matches!(error.rdkafka_error_code(), Some(Fatal | TopicAuthorizationFailed))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use sluicebox_settings::{Secret, Start, Topics};

    use super::*;

    fn checked(properties: &[(&str, &str)]) -> Result<(), String> {
        let properties = properties.iter().map(|&(name, value)| (name.to_owned(), Secret::new(value)));
        let settings = KafkaSettings {
            brokers: "127.0.0.1:1".to_owned(),
            topics: Topics::Named(vec!["orders".to_owned()]),
            group: "g".to_owned(),
            start: Start::Earliest,
            properties: properties.collect(),
            authentication: None,
        };
        check_properties(&settings).map_err(|error| error.to_string())
    }

    #[test]
    fn what_librdkafka_refuses_is_named_without_its_value_and_without_a_broker() {
        let began = Instant::now();
        assert_eq!(checked(&[("fetch.min.bytes", "7")]), Ok(()));
        let misspelt = checked(&[("sasl.no.such", "topsecret")]).unwrap_err();
        assert!(misspelt.contains("`sasl.no.such`") && !misspelt.contains("topsecret"), "{misspelt}");
        let misfit = checked(&[("fetch.min.bytes", "topsecret")]).unwrap_err();
        assert!(misfit.contains("`fetch.min.bytes`") && !misfit.contains("topsecret"), "{misfit}");
        let impossible = checked(&[("max.poll.interval.ms", "1000")]).unwrap_err();
        assert!(impossible.contains("session.timeout.ms"), "{impossible}");
        assert!(began.elapsed().as_secs() < 5, "took {:?}", began.elapsed());
    }

    #[test]
    fn groups_of_the_next_generation_can_be_joined() {
        assert_eq!(checked(&[("group.protocol", "consumer")]), Ok(()));
    }

    #[test]
    fn the_users_fetch_wait_wins() {
        let configured = |properties: &[(&str, &str)]| {
            let properties = properties.iter().map(|&(name, value)| (name.to_owned(), Secret::new(value)));
            let settings = KafkaSettings {
                brokers: String::new(),
                topics: Topics::Named(Vec::new()),
                group: String::new(),
                start: Start::Earliest,
                properties: properties.collect(),
                authentication: None,
            };
            super::properties(&Brokers::new(settings, None), false).get("fetch.wait.max.ms").map(str::to_owned)
        };
        assert_eq!(configured(&[]).as_deref(), Some("50"));
        assert_eq!(configured(&[("fetch.wait.max.ms", "500")]).as_deref(), Some("500"));
    }
}
