//! What is said of an invocation: which partitions did not commit, and from which offset on they are to be delivered again.

use std::fmt;

use lambda_runtime::Diagnostic;
use serde_json::{Value, json};
use sluicebox_pipeline::PipelineError;
use sluicebox_ledger::TopicPartition;
use sluicebox_kafka::event::{EventResult, Settled};

/// Why an invocation has failed as a whole.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The event is not for this pipeline.
    Foreign(String),
    /// The walk has ended over it; the next invocation begins a new one.
    Walk(PipelineError),
    /// The process itself is in trouble.
    Process(String),
    /// Partitions did not commit, and the event source is said not to take that in detail.
    Open(Vec<(TopicPartition, i64, String)>),
}

/// The answer to an event. A record that could not be transformed is a dead letter, and no failure.
pub(crate) fn of(receipt: EventResult, partial_responses: bool) -> Result<Value, Failure> {
    let open = receipt.into_iter().filter_map(|(partition, settled)| match settled {
        Settled::Committed => None,
        Settled::Open { first, why } => Some((partition, first, why)),
    });
    let open: Vec<_> = open.collect();
    if !open.is_empty() && !partial_responses {
        return Err(Failure::Open(open));
    }
    for (partition, first, why) in &open {
        tracing::error!(%partition, first, "not committed, to be delivered again: {why}");
    }
    let failures = open.iter().map(|(partition, first, _)| {
        let partition = format!("{}-{}", partition.topic, partition.partition);
        json!({"itemIdentifier": {"partition": partition, "offset": first}})
    });
    Ok(json!({"batchItemFailures": failures.collect::<Vec<_>>()}))
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign(message) | Self::Process(message) => f.write_str(message),
            Self::Walk(error) => error.fmt(f),
            Self::Open(open) => {
                let told =
                    open.iter().map(|(partition, first, why)| format!("{partition} from offset {first} on: {why}"));
                write!(f, "not committed: {}", told.collect::<Vec<_>>().join("; "))
            }
        }
    }
}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Self {
        let error_type = match failure {
            Failure::Foreign(_) => "ForeignEvent",
            Failure::Walk(_) => "WalkFailed",
            Failure::Process(_) => "ProcessFailed",
            Failure::Open(_) => "NotCommitted",
        };
        Diagnostic { error_type: error_type.to_owned(), error_message: failure.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt() -> EventResult {
        let open = Settled::Open { first: 15, why: "E0301 the breaker has tripped".to_owned() };
        [(TopicPartition::new("orders", 0), open), (TopicPartition::new("orders", 1), Settled::Committed)].into()
    }

    #[test]
    fn exactly_the_partitions_that_did_not_commit_are_named() {
        let failures = json!([{"itemIdentifier": {"partition": "orders-0", "offset": 15}}]);
        assert_eq!(of(receipt(), true).ok(), Some(json!({"batchItemFailures": failures})));
        assert_eq!(of(EventResult::new(), false).ok(), Some(json!({"batchItemFailures": []})));
    }

    #[test]
    fn where_nobody_reads_the_details_the_invocation_fails_and_says_why() {
        let diagnostic = Diagnostic::from(of(receipt(), false).expect_err("a failure"));
        assert_eq!(diagnostic.error_type, "NotCommitted");
        assert_eq!(
            diagnostic.error_message,
            "not committed: orders/0 from offset 15 on: E0301 the breaker has tripped"
        );
    }
}
