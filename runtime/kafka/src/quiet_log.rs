//! What librdkafka says of itself, in the log, but the same thing only now and then: while brokers are away, it repeats itself
//! tens of times a second.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tracing::{debug, error, info, warn};

/// How long a repetition is left out.
pub(crate) const SILENCE: Duration = Duration::from_secs(30);

/// Remembers what was said last, and when.
#[derive(Debug, Default)]
pub(crate) struct QuietLog(Mutex<BTreeMap<String, Instant>>);

impl QuietLog {
    /// A line of librdkafka's log.
    pub(crate) fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        use RDKafkaLogLevel::{Alert, Critical, Debug, Emerg, Error, Info, Notice, Warning};
        if matches!(level, Debug) || !self.is_due(facility, Instant::now()) {
            debug!(facility, "librdkafka: {message}");
            return;
        }
        match level {
            Emerg | Alert | Critical => error!(facility, "librdkafka: {message}"),
            Error | Warning => warn!(facility, "librdkafka: {message}"),
            Notice | Info | Debug => info!(facility, "librdkafka: {message}"),
        }
    }

    /// An error that librdkafka recovers from by itself.
    pub(crate) fn error(&self, error: &KafkaError, reason: &str) {
        let code = error.rdkafka_error_code();
        if code.is_some_and(is_connection) || !self.is_due(&format!("{code:?}"), Instant::now()) {
            debug!(reason, %error, "kafka: client error; librdkafka retries");
        } else {
            warn!(reason, %error, "kafka: client error; librdkafka retries");
        }
    }

    /// Whether this was not said within [`SILENCE`]; notes that it is said now.
    fn is_due(&self, what: &str, now: Instant) -> bool {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if said.get(what).is_some_and(|then| now.saturating_duration_since(*then) < SILENCE) {
            return false;
        }
        said.insert(what.to_owned(), now);
        true
    }
}

/// Whether the error says that a broker is out of reach for now.
pub(crate) fn is_connection(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode::{AllBrokersDown, BrokerTransportFailure, Resolve};
    matches!(code, AllBrokersDown | BrokerTransportFailure | Resolve)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repetition_waits_and_something_else_does_not() {
        let log = QuietLog::default();
        let now = Instant::now();
        assert!(log.is_due("FAIL", now));
        assert!(!log.is_due("FAIL", now + SILENCE / 2));
        assert!(log.is_due("ERROR", now + SILENCE / 2));
        assert!(log.is_due("FAIL", now + SILENCE));
    }
}
