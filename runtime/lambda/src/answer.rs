//! The answer to an invocation: the partitions that did not commit, each with the first offset to deliver again.

use std::fmt;

use lambda_runtime::Diagnostic;
use serde_json::{Value, json};
use sluicebox_kafka::event::{EventResult, Settled};
use sluicebox_ledger::TopicPartition;
use sluicebox_pipeline::PipelineError;

/// Why an invocation failed as a whole.
#[derive(Debug)]
pub(crate) enum InvocationFailure {
    /// The event is not for this pipeline.
    Foreign(String),
    /// The walk ended with an error; the next invocation starts a new one.
    Walk(PipelineError),
    /// The process itself failed.
    Process(String),
    /// Partitions did not commit, and the settings say that the event source does not read partial responses.
    Open(Vec<(TopicPartition, i64, String)>),
}

/// The answer to an event. A record that could not be transformed is a dead letter, not a failure.
pub(crate) fn of(result: EventResult, partial_responses: bool) -> Result<Value, InvocationFailure> {
    let open = result.into_iter().filter_map(|(partition, settled)| match settled {
        Settled::Committed => None,
        Settled::Open { first, why } => Some((partition, first, why)),
    });
    let open: Vec<_> = open.collect();
    // Lambda ignores the answer then, and goes on behind the records: only a failure brings them again.
    if !open.is_empty() && !partial_responses {
        return Err(InvocationFailure::Open(open));
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

impl fmt::Display for InvocationFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign(message) | Self::Process(message) => f.write_str(message),
            Self::Walk(error) => error.fmt(f),
            Self::Open(open) => {
                let partitions =
                    open.iter().map(|(partition, first, why)| format!("{partition} from offset {first} on: {why}"));
                write!(f, "not committed: {}", partitions.collect::<Vec<_>>().join("; "))
            }
        }
    }
}

impl From<InvocationFailure> for Diagnostic {
    fn from(failure: InvocationFailure) -> Self {
        let error_type = match failure {
            InvocationFailure::Foreign(_) => "ForeignEvent",
            InvocationFailure::Walk(_) => "WalkFailed",
            InvocationFailure::Process(_) => "ProcessFailed",
            InvocationFailure::Open(_) => "NotCommitted",
        };
        Diagnostic { error_type: error_type.to_owned(), error_message: failure.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result() -> EventResult {
        let open = Settled::Open { first: 15, why: "E0301 the breaker has tripped".to_owned() };
        [(TopicPartition::new("orders", 0), open), (TopicPartition::new("orders", 1), Settled::Committed)].into()
    }

    #[test]
    fn exactly_the_partitions_that_did_not_commit_are_named() {
        let failures = json!([{"itemIdentifier": {"partition": "orders-0", "offset": 15}}]);
        assert_eq!(of(result(), true).ok(), Some(json!({"batchItemFailures": failures})));
        assert_eq!(of(EventResult::new(), false).ok(), Some(json!({"batchItemFailures": []})));
    }

    #[test]
    fn without_partial_responses_the_invocation_fails_and_says_why() {
        let diagnostic = Diagnostic::from(of(result(), false).expect_err("a failure"));
        assert_eq!(diagnostic.error_type, "NotCommitted");
        assert_eq!(
            diagnostic.error_message,
            "not committed: orders/0 from offset 15 on: E0301 the breaker has tripped"
        );
    }
}
