//! What goes wrong with the brokers while the source reads: what librdkafka mends by itself, and what ends the walk.

use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use sluicebox_ledger::{ClientError, ErrorKind};
use tracing::warn;

use super::KafkaSource;
use crate::client::failed;

/// How long brokers that have said nothing may take to say which cluster they are.
const CLUSTER_ID_TIMEOUT: Duration = Duration::from_millis(500);

impl KafkaSource {
    /// Finds out whether brokers answer, where that is not known yet, and says so if they do not.
    pub(super) fn watch_brokers(&self) {
        let is_doubtful = self.group().reachability().is_doubtful(Instant::now());
        if is_doubtful && self.consumer.client().fetch_cluster_id(CLUSTER_ID_TIMEOUT).is_some() {
            self.group().note_answer();
        } else if is_doubtful {
            self.group().reachability().note_away(Instant::now());
        }
        let sentence = self.group().reachability().sentence(Instant::now());
        if let Some(sentence) = sentence {
            warn!("{sentence}");
        }
    }

    /// librdkafka reports an error that it cannot recover from to a callback, and polls bring nothing from then on.
    pub(super) fn require_a_living_client(&self) -> Result<(), ClientError> {
        match self.consumer.client().fatal_error() {
            None => Ok(()),
            Some((code, why)) => {
                let hint = match code {
                    RDKafkaErrorCode::UnsupportedVersion => "; do the brokers support the `group.protocol`?",
                    RDKafkaErrorCode::FencedInstanceId => "; does another worker have the same `group.instance.id`?",
                    _ => "",
                };
                Err(ClientError::new(ErrorKind::Stop, "kafka", "reading", format!("{why}{hint}")))
            }
        }
    }

    /// librdkafka recovers from most errors by itself and only reports them; an error that it cannot recover from ends the
    /// walk.
    pub(super) fn tolerate(&mut self, error: KafkaError) -> Result<(), ClientError> {
        use RDKafkaErrorCode::{AutoOffsetReset, OffsetOutOfRange};
        if matches!(error.rdkafka_error_code(), Some(AutoOffsetReset | OffsetOutOfRange)) {
            // The error does not name its partition, which librdkafka no longer fetches: the walk checks all of them.
            warn!(
                "offset out of range: a topic does not have the next offset; comparing all partitions with the ledgers"
            );
            self.is_out_of_range = true;
            return Ok(());
        }
        let original = error.clone();
        let error = failed("reading")(error);
        if error.kind() == ErrorKind::Stop {
            return Err(error);
        }
        self.group().note_error(&original, "");
        Ok(())
    }
}
