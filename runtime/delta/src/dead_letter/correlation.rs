//! The id that connects a dead letter with traces and logs. Pure.

use sluicebox_sandbox::{Batch, Record};

/// The header of the W3C trace context.
const TRACEPARENT: &[u8] = b"traceparent";

/// The trace id of the record's `traceparent` header, or else the record's position. A replay gives the same id.
pub(super) fn correlation_id(batch: &Batch, record: &Record<'_>) -> String {
    let traceparent =
        record.headers().find(|(name, _)| name.eq_ignore_ascii_case(TRACEPARENT)).and_then(|(_, value)| value);
    traceparent.and_then(trace_id).unwrap_or_else(|| format!("{}/{}@{}", batch.topic, batch.partition, record.offset))
}

/// `version-traceid-parentid-flags`, <https://www.w3.org/TR/trace-context/#traceparent-header>.
fn trace_id(traceparent: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(traceparent).ok()?;
    let id = text.split('-').nth(1)?;
    // The standard forbids an id of zeros only: it would connect letters that have nothing in common.
    let is_legal =
        id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) && id.bytes().any(|byte| byte != b'0');
    is_legal.then(|| id.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trace_ids_come_from_a_legal_traceparent_only() {
        let legal = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(trace_id(legal).as_deref(), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
        for bad in [&b"00-4bf9-1-01"[..], b"", b"\xff", b"00-00000000000000000000000000000000-00f067aa0ba902b7-01"] {
            assert_eq!(trace_id(bad), None);
        }
    }
}
