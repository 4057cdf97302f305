//! The walk's metrics, by name: docs/metrics.md gives their meaning. Counted per batch or flush, never per record. Without a
//! recorder, which the command installs, each costs next to nothing. Label values come from closed sets.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use sluicebox_ledger::{Stage, TopicPartition};
use sluicebox_sandbox::Effort;

use crate::health::{Comparison, Health};
use crate::progress::Progress;
use crate::wall_clock;

/// Durations of flushes and commits fall into buckets up to these seconds.
pub const DURATION_BUCKETS_SECONDS: [f64; 12] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0];

/// Gives every metric its help text.
pub fn describe() {
    sluicebox_delta::metrics::describe();
    describe_counter!("sluicebox_records_total", "records whose verdict is in the tables, by verdict");
    describe_counter!("sluicebox_dead_letters_total", "rejected records that are in the tables, by who rejected them");
    describe_counter!(
        "sluicebox_dead_letter_copies_refused_total",
        "dead letters that the dead-letter topic refuses, by what was left out; the table has them whole"
    );
    describe_counter!("sluicebox_flushes_total", "flushes that succeeded");
    describe_histogram!("sluicebox_flush_duration_seconds", Unit::Seconds, "from bury to the last commit");
    describe_counter!("sluicebox_rewinds_total", "returns to the ledger, with what was staged dropped, by reason");
    describe_counter!("sluicebox_sandbox_calls_total", "calls of the transform");
    describe_counter!("sluicebox_sandbox_traps_total", "calls of the transform that ended in a trap");
    describe_counter!("sluicebox_sandbox_timeouts_total", "calls of the transform that took suspiciously long");
    describe_counter!("sluicebox_sandbox_instances_total", "instances of the transform that were started");
    describe_gauge!("sluicebox_transform_info", "1 for the transform that judges, 0 for one that did");
    describe_counter!("sluicebox_shadow_records_total", "records that a shadow judged, by result");
    describe_histogram!("sluicebox_shadow_duration_seconds", Unit::Seconds, "a batch of those records, by who took it");
    describe_gauge!(
        "sluicebox_change_refused",
        "1 while a promotion or a candidate is refused, or the channel is out of reach"
    );
    describe_gauge!("sluicebox_staged_rows", "rows and dead letters staged, not visible yet");
    describe_gauge!("sluicebox_staged_bytes", Unit::Bytes, "bytes of the records taken in since the last flush");
    describe_gauge!("sluicebox_freshness_seconds", Unit::Seconds, "age of the oldest record read and not visible yet");
    describe_gauge!("sluicebox_last_flush_timestamp_seconds", Unit::Seconds, "when the last flush succeeded");
    describe_gauge!("sluicebox_ledger_offset", "the next offset that some table lacks");
    describe_gauge!("sluicebox_lag_records", "the topic's end less the ledger");
    describe_gauge!("sluicebox_breaker_rejected_share", "rejected records among the breaker's last ones");
    describe_gauge!("sluicebox_breaker_tripped", "1 while the breaker has paused the pipeline");
    describe_gauge!("sluicebox_partitions", "partitions that this worker has");
    describe_gauge!("sluicebox_partitions_stopped", "partitions that are stopped until an operator decides");
}

pub(crate) fn effort(effort: &Effort) {
    let bump = |name: &'static str, count: u32| {
        if count > 0 {
            counter!(name).increment(count.into());
        }
    };
    bump("sluicebox_sandbox_calls_total", effort.calls);
    bump("sluicebox_sandbox_traps_total", effort.traps);
    bump("sluicebox_sandbox_timeouts_total", effort.timeouts);
    bump("sluicebox_sandbox_instances_total", effort.instances);
}

/// The dead-letter topic refuses a copy: it went there without its value, or not at all.
pub fn copy_refused(result: &'static str) {
    counter!("sluicebox_dead_letter_copies_refused_total", "result" => result).increment(1);
}

/// This transform judges.
pub fn judges(transform_digest: &str) {
    gauge!("sluicebox_transform_info", "transform_digest" => transform_digest.to_owned()).set(1);
}

/// Another transform judges.
pub(crate) fn adopted(before: &str, after: &str) {
    gauge!("sluicebox_transform_info", "transform_digest" => before.to_owned()).set(0);
    judges(after);
}

/// A shadow was given a copy of some records.
pub(crate) fn compared(found: &Comparison) {
    let counts =
        [("agreed", found.agreed), ("differed", found.differed), ("failed", found.failed), ("slower", found.slower)];
    for (result, count) in counts {
        counter!("sluicebox_shadow_records_total", "result" => result).increment(count);
    }
    histogram!("sluicebox_shadow_duration_seconds", "by" => "judging").record(found.judging_seconds);
    histogram!("sluicebox_shadow_duration_seconds", "by" => "candidate").record(found.candidate_seconds);
}

pub(crate) fn flushed(progress: &Progress, rejected: &BTreeMap<Stage, u64>, duration: Duration) {
    let verdicts =
        [("emitted", progress.emitted), ("filtered", progress.filtered), ("rejected", progress.dead_letters)];
    for (verdict, count) in verdicts {
        counter!("sluicebox_records_total", "verdict" => verdict).increment(count);
    }
    for (stage, &count) in rejected {
        counter!("sluicebox_dead_letters_total", "stage" => stage.as_str()).increment(count);
    }
    counter!("sluicebox_flushes_total").increment(1);
    histogram!("sluicebox_flush_duration_seconds").record(duration);
    gauge!("sluicebox_last_flush_timestamp_seconds").set(now_seconds());
}

pub(crate) fn rewound(reason: &'static str) {
    counter!("sluicebox_rewinds_total", "reason" => reason).increment(1);
}

/// What is staged at this moment; `oldest_millis` is the timestamp of its oldest record.
pub(crate) fn staged(rows: u64, bytes: u64, oldest_millis: Option<i64>) {
    gauge!("sluicebox_staged_rows").set(rows as f64);
    gauge!("sluicebox_staged_bytes").set(bytes as f64);
    // A producer's clock may be ahead of ours.
    let age = oldest_millis.map_or(0.0, |millis| (now_seconds() - millis as f64 / 1000.0).max(0.0));
    gauge!("sluicebox_freshness_seconds").set(age);
}

pub(crate) fn health(health: &Health) {
    let mut stopped = 0;
    for partition in &health.partitions {
        offsets(&partition.topic, partition.partition, partition.next_offset, partition.lag_records);
        stopped += u32::from(partition.stopped.is_some());
    }
    if let Some(breaker) = health.breaker {
        // At the start there are no records, and NaN would look like a gap in the figures.
        let share = breaker.rejected as f64 / breaker.records.max(1) as f64;
        gauge!("sluicebox_breaker_rejected_share").set(share);
    }
    gauge!("sluicebox_change_refused").set(u8::from(health.refused.is_some()));
    gauge!("sluicebox_breaker_tripped").set(u8::from(health.is_paused()));
    gauge!("sluicebox_partitions").set(health.partitions.len() as f64);
    gauge!("sluicebox_partitions_stopped").set(stopped);
}

/// Partitions that another worker has now: this one no longer knows their offsets.
pub(crate) fn forget(partitions: &[TopicPartition]) {
    for partition in partitions {
        offsets(&partition.topic, partition.partition, None, None);
    }
}

fn offsets(topic: &str, partition: i32, next: Option<i64>, lag: Option<i64>) {
    // The recorder cannot remove a gauge. NaN says "not known here", where an old number would look like a lag that
    // stays.
    let labels = [("topic", topic.to_owned()), ("partition", partition.to_string())];
    let known = |offset: Option<i64>| offset.map_or(f64::NAN, |offset| offset as f64);
    gauge!("sluicebox_ledger_offset", &labels).set(known(next));
    gauge!("sluicebox_lag_records", &labels).set(known(lag));
}

fn now_seconds() -> f64 {
    wall_clock::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
