//! The circuit breaker: when a transform rejects more than a share of the last records, the pipeline pauses before it
//! buries a topic. Pure: it counts verdicts, and knows neither tables nor Kafka.
//!
//! Only rejected records are kept, each with its number in the stream of judged records; so a good record costs nothing.
//! What was counted since the last flush is forgotten by a rewind ([`Breaker::rewind`]): those records will be judged, and
//! counted, again. The window starts empty with each process and each transform.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use sluicebox_ledger::{Reason, TopicPartition};
use sluicebox_sandbox::Batch;
use sluicebox_settings::BreakerSettings;

/// How many codes a [`Trip`] names.
const CODES_MAX: usize = 5;
/// Codes are the transform's own words: what is shown of one is bounded.
const CODE_CHARS_MAX: usize = 60;

/// Counts rejections among the last records.
pub(crate) struct Breaker {
    /// None: the breaker is off.
    settings: Option<BreakerSettings>,
    window: Window,
    /// The window as of the last flush.
    flushed: Window,
}

#[derive(Clone, Default)]
struct Window {
    /// Records judged.
    judged: u64,
    /// In the order of their numbers; those that have left the window are dropped when others come.
    rejections: VecDeque<Rejection>,
}

#[derive(Clone)]
struct Rejection {
    /// How many records were judged before it.
    number: u64,
    partition: TopicPartition,
    offset: i64,
    code: Arc<str>,
}

/// What the breaker counts at this moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct BreakerCount {
    /// Rejected records among the last.
    pub rejected: u64,
    /// The last records: the window's size, or as many as there have been.
    pub records: u64,
    /// The window's size.
    pub window_records: u64,
    /// More rejected records than this trip the breaker.
    pub rejected_max: u64,
}

/// Why the breaker has tripped. Says codes and positions, never a payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trip {
    rejected: u64,
    records: u64,
    rejected_max: u64,
    window_records: u64,
    /// The most frequent first.
    codes: Vec<(Arc<str>, u64)>,
    first: (TopicPartition, i64),
}

impl Breaker {
    pub(crate) fn new(settings: Option<BreakerSettings>) -> Self {
        Self { settings, window: Window::default(), flushed: Window::default() }
    }

    /// Counts the first `judged` records of a batch, of which `reasons` were rejected, in order. The answer does not
    /// depend on where a stream is cut into batches.
    pub(crate) fn count(&mut self, batch: &Batch, judged: usize, reasons: &[Reason]) -> Result<(), Box<Trip>> {
        let Some(settings) = self.settings else {
            return Ok(());
        };
        let partition = TopicPartition::new(batch.topic.clone(), batch.partition);
        for reason in reasons {
            // The record's place in the stream of judged records, not in its batch: so the cut into batches does not
            // matter.
            let number = self.window.judged + reason.record as u64;
            let offset = batch.offsets[reason.record];
            self.window.push(number, partition.clone(), offset, &reason.code, settings.window_records);
            // After each rejection, not once a batch: good records at the batch's end must not hide a window that was
            // over.
            if self.window.rejections.len() as u64 > settings.rejected_max() {
                return Err(Box::new(self.window.trip(settings)));
            }
        }
        self.window.judged += judged as u64;
        Ok(())
    }

    /// Another transform judges: the verdicts of the one before no longer count.
    pub(crate) fn reset(&mut self) {
        self.window = Window::default();
        self.flushed = Window::default();
    }

    /// What has been counted is in the tables.
    pub(crate) fn settle(&mut self) {
        self.flushed.clone_from(&self.window);
    }

    /// What has been counted since the last flush will be judged again.
    pub(crate) fn rewind(&mut self) {
        self.window.clone_from(&self.flushed);
    }

    /// None if the breaker is off.
    pub(crate) fn counted(&self) -> Option<BreakerCount> {
        let settings = self.settings?;
        let Window { judged, rejections } = &self.window;
        let begin = judged.saturating_sub(settings.window_records);
        // Rejections that left the window stay in the queue until the next one comes, so they are left out here.
        let gone = rejections.partition_point(|rejection| rejection.number < begin);
        Some(BreakerCount {
            rejected: (rejections.len() - gone) as u64,
            records: settings.window_records.min(*judged),
            window_records: settings.window_records,
            rejected_max: settings.rejected_max(),
        })
    }
}

impl Window {
    /// Takes in a rejected record, and lets go of those that are too long ago.
    fn push(&mut self, number: u64, partition: TopicPartition, offset: i64, code: &str, window_records: u64) {
        while self.rejections.front().is_some_and(|first| first.number + window_records <= number) {
            self.rejections.pop_front();
        }
        // Codes come in runs.
        let code = match self.rejections.back() {
            Some(last) if *last.code == *code => last.code.clone(),
            _ => Arc::from(code),
        };
        self.rejections.push_back(Rejection { number, partition, offset, code });
    }

    /// The rejected record that was pushed last is one too many.
    fn trip(&self, settings: BreakerSettings) -> Trip {
        let mut counts = BTreeMap::<&Arc<str>, u64>::new();
        for rejection in &self.rejections {
            *counts.entry(&rejection.code).or_default() += 1;
        }
        let mut codes: Vec<_> = counts.into_iter().map(|(code, count)| (code.clone(), count)).collect();
        codes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let first = self.rejections.front().map(|first| (first.partition.clone(), first.offset));
        let judged = self.rejections.back().map_or(0, |last| last.number + 1);
        Trip {
            rejected: self.rejections.len() as u64,
            records: settings.window_records.min(judged),
            rejected_max: settings.rejected_max(),
            window_records: settings.window_records,
            codes,
            first: first.unwrap_or_else(|| (TopicPartition::new("", -1), -1)),
        }
    }
}

impl Trip {
    /// What has been counted, with codes and a first position, in words.
    pub(crate) fn what(&self) -> String {
        let Self { rejected, records, rejected_max, window_records, codes, first: (partition, offset) } = self;
        let named = codes.iter().take(CODES_MAX).map(|(code, count)| {
            let code: String = code.chars().take(CODE_CHARS_MAX).collect();
            format!("{code} {count}")
        });
        let mut named = named.collect::<Vec<_>>().join(", ");
        if let Some(others) = codes.len().checked_sub(CODES_MAX).filter(|others| *others > 0) {
            named += &format!(" and {others} other codes");
        }
        format!(
            "it rejects too much: {rejected} of the last {records} records ({named}; first {partition}@{offset}), and at most \
             {rejected_max} of {window_records} may be; nothing of it has been written since the last flush"
        )
    }
}

impl fmt::Display for Trip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "E0301 the transform is stopped, as {}, and the offsets are kept: deploy another transform, raise \
             `breaker.rejected_share_max`, or restart with `run --ignore-breaker`; see `sluicebox explain E0301`",
            self.what()
        )
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use sluicebox_ledger::Stage;

    use super::*;

    fn breaker(window_records: u64, rejected_share_max: f64) -> Breaker {
        Breaker::new(Some(BreakerSettings { window_records, rejected_share_max }))
    }

    /// A batch of these verdicts, `true` for rejected, counted.
    fn count(breaker: &mut Breaker, offset: i64, rejected: &[bool]) -> Result<(), Box<Trip>> {
        let mut batch = Batch::new(Arc::from("orders"), 3);
        for place in 0..rejected.len() {
            batch.push(offset + place as i64, -1, None, Some(b"secret payload"), sluicebox_sandbox::NO_HEADERS);
        }
        let reasons: Vec<Reason> = (0..rejected.len())
            .filter(|place| rejected[*place])
            .map(|record| Reason {
                record,
                stage: Stage::Transform,
                code: if record % 3 == 0 { "panic" } else { "invalid_json" }.to_owned(),
                message: "secret payload".to_owned(),
                path: None,
                backtrace: None,
            })
            .collect();
        breaker.count(&batch, rejected.len(), &reasons)
    }

    #[test]
    fn says_what_and_where_and_how_to_go_on_but_no_payload() {
        let mut breaker = breaker(10, 0.5);
        let error = count(&mut breaker, 1_200, &[false, true, true, true, true, true, true, true]).unwrap_err();
        let said = error.to_string();
        for word in ["6 of the last 7 records", "invalid_json 4, panic 2", "orders/3@1201", "at most 5 of 10"] {
            assert!(said.contains(word), "`{word}` is missing: {said}");
        }
        assert!(said.contains("--ignore-breaker") && said.contains("sluicebox explain E0301"), "{said}");
        assert!(!said.contains("secret"), "{said}");
    }

    #[test]
    fn off_never_trips() {
        let mut breaker = Breaker::new(None);
        assert_eq!(count(&mut breaker, 0, &[true; 1_000]), Ok(()));
        assert_eq!(breaker.counted(), None);
    }

    #[test]
    fn the_default_is_half_of_ten_thousand() {
        let mut breaker = Breaker::new(Some(BreakerSettings::default()));
        assert_eq!(count(&mut breaker, 0, &[true; 5_000]), Ok(()));
        assert!(count(&mut breaker, 5_000, &[true]).is_err());
    }

    proptest! {
        /// Trips at the first record at which more than the share of the last records are rejected, and at no other,
        /// wherever the stream is cut into batches, flushed, or gone back to the last flush.
        #[test]
        fn trips_exactly_when_more_than_the_share_is_rejected(
            rejected in prop::collection::vec(any::<bool>(), 1..200),
            window in 1u64..40,
            share in 0.0f64..1.0,
            cuts in prop::collection::vec((1usize..20, 0u8..6), 1..100),
        ) {
            let limit = (share * window as f64).floor() as usize;
            let in_window = |end: usize| {
                let begin = (end + 1).saturating_sub(window as usize);
                rejected[begin..=end].iter().filter(|rejected| **rejected).count()
            };
            let expected = (0..rejected.len()).find(|&end| in_window(end) > limit);

            let mut breaker = breaker(window, share);
            let (mut at, mut flushed) = (0, 0);
            let mut tripped = None;
            for (length, event) in cuts.into_iter().chain(std::iter::repeat((7, 1))) {
                let end = (at + length).min(rejected.len());
                if let Err(trip) = count(&mut breaker, at as i64, &rejected[at..end]) {
                    tripped = Some(trip);
                    break;
                }
                at = end;
                let counted = breaker.counted().unwrap();
                prop_assert_eq!(counted.rejected as usize, in_window(at - 1));
                match event {
                    0 => { breaker.rewind(); at = flushed; }
                    1 => { breaker.settle(); flushed = at; }
                    _ => {}
                }
                if at == rejected.len() { break; }
            }
            match (tripped, expected) {
                (None, None) => {}
                (Some(trip), Some(end)) => {
                    prop_assert!((flushed..=end).contains(&end));
                    prop_assert_eq!(trip.rejected as usize, limit + 1);
                    prop_assert_eq!(trip.records, window.min(end as u64 + 1));
                }
                (tripped, expected) => prop_assert!(false, "{:?} but expected at {:?}", tripped, expected),
            }
        }
    }
}
