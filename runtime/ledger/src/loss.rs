//! Loss is loud: compares what the tables have taken in with what the topic still has. Pure: sources report the topic's
//! offsets ([`OffsetBounds`]), the ledgers those that were taken in, and the walk stops a partition where the two do not
//! join.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::{Ledger, OffsetRange, SkipReason, TopicPartition};

/// What a source knows of a partition before the walk reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OffsetBounds {
    /// Where to start if no table knows the partition.
    pub start: i64,
    /// The offsets that the topic has; none if the source cannot tell.
    pub range: Option<OffsetRange>,
    /// The topic's id; none if the source cannot tell.
    pub topic_id: Option<i64>,
}

/// The bounds of each partition.
pub type PartitionBounds = BTreeMap<TopicPartition, OffsetBounds>;

/// A partition whose records and ledger do not join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The partition.
    pub partition: TopicPartition,
    /// What is wrong.
    pub cause: LossCause,
}

/// What is wrong with a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LossCause {
    /// Records that no table has taken in are gone from the topic.
    OffsetsGone {
        /// What is missing.
        missing: OffsetRange,
    },
    /// The tables have taken in more than the topic has.
    LedgerAhead {
        /// The largest of the tables' ledgers.
        ledger: i64,
        /// The topic's end.
        end: i64,
        /// Where to continue: the end if the topic is known to be the same; the beginning if it may be another.
        resume: i64,
    },
    /// The topic has been deleted and recreated: its offsets mean other records.
    TopicRecreated {
        /// The largest ledger of the tables that know the old topic.
        ledger: i64,
        /// The first offset of the new topic.
        resume: i64,
    },
    /// The event source never delivered records that the topic has, or the brokers could not be asked whether it has any.
    Undelivered {
        /// What is missing.
        missing: OffsetRange,
        /// The first missing record; none if the brokers could not be asked.
        first: Option<i64>,
    },
}

/// Compares the tables' ledgers with the topic's offsets, and returns the offset at which to continue.
pub fn examine<'a>(
    partition: &TopicPartition,
    bounds: &OffsetBounds,
    ledgers: impl Iterator<Item = &'a Ledger> + Clone,
) -> Result<i64, Loss> {
    let loss = |cause| Err(Loss { partition: partition.clone(), cause });
    let known = ledgers.clone().filter_map(|ledger| ledger.next(partition));
    // Tables that do not know the partition are left out: they get their start, and miss nothing before it.
    let (Some(least), Some(most)) = (known.clone().min(), known.max()) else {
        return Ok(bounds.start);
    };
    // Before the offsets are compared: those of another topic may join by chance. An id that is not known proves
    // nothing.
    let of_another = ledgers.clone().filter(|ledger| knows_another(ledger, partition, bounds));
    let of_another = of_another.filter_map(|ledger| ledger.next(partition)).max();
    if let Some(ledger) = of_another {
        let resume = bounds.range.map_or(bounds.start, |range| range.from);
        return loss(LossCause::TopicRecreated { ledger, resume });
    }
    let Some(range) = bounds.range else {
        return Ok(least);
    };
    // Before the gap below: a ledger beyond the end shows that the range may not be of the topic that was read.
    if most > range.to {
        // `is_some` first: an unknown id on both sides is equal, too.
        let is_same = bounds.topic_id.is_some() && ledgers.clone().any(|l| l.topic_id(partition) == bounds.topic_id);
        let resume = if is_same { range.to } else { range.from };
        return loss(LossCause::LedgerAhead { ledger: most, end: range.to, resume });
    }
    if least < range.from {
        return loss(LossCause::OffsetsGone { missing: OffsetRange { from: least, to: range.from } });
    }
    Ok(least)
}

fn knows_another(ledger: &Ledger, partition: &TopicPartition, bounds: &OffsetBounds) -> bool {
    match (ledger.topic_id(partition), bounds.topic_id) {
        (Some(then), Some(now)) => then != now,
        _ => false,
    }
}

impl Loss {
    /// The error code, as in `docs/errors.md` and `docs/runbooks/`.
    pub fn code(&self) -> &'static str {
        match self.cause {
            LossCause::OffsetsGone { .. } => "E0201",
            LossCause::LedgerAhead { .. } => "E0202",
            LossCause::TopicRecreated { .. } => "E0203",
            LossCause::Undelivered { .. } => "E0205",
        }
    }

    /// The gap that the operator has to accept before the partition can continue.
    pub fn gap(&self) -> Gap {
        let (from, to) = match self.cause {
            LossCause::OffsetsGone { missing } | LossCause::Undelivered { missing, .. } => (missing.from, missing.to),
            LossCause::LedgerAhead { ledger, resume, .. } | LossCause::TopicRecreated { ledger, resume } => {
                (ledger, resume)
            }
        };
        Gap { partition: self.partition.clone(), from, to }
    }

    /// Why a ledger skips the gap, once it is accepted.
    pub fn skip_reason(&self) -> SkipReason {
        match self.cause {
            // Not known to be the same topic, so it resumes at the beginning, as if it were recreated.
            LossCause::LedgerAhead { end, resume, .. } if resume != end => SkipReason::TopicRecreated,
            LossCause::OffsetsGone { .. } | LossCause::Undelivered { .. } | LossCause::LedgerAhead { .. } => {
                SkipReason::AcceptedGap
            }
            LossCause::TopicRecreated { .. } => SkipReason::TopicRecreated,
        }
    }
}

impl std::error::Error for Loss {}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (code, partition, gap) = (self.code(), &self.partition, self.gap());
        match self.cause {
            LossCause::OffsetsGone { missing } => write!(
                f,
                "{code} {partition}: offsets {missing} are gone from the topic, but a table has taken in only what is \
                 below {}: retention has overrun the pipeline",
                missing.from
            ),
            LossCause::LedgerAhead { ledger, end, .. } => write!(
                f,
                "{code} {partition}: the tables have taken in everything below offset {ledger}, but the topic ends at \
                 {end}: it was recreated, or the brokers have lost its end"
            ),
            LossCause::TopicRecreated { ledger, .. } => write!(
                f,
                "{code} {partition}: the topic has been deleted and recreated: what the tables have below offset \
                 {ledger} is of the old topic, whose later records are gone"
            ),
            LossCause::Undelivered { missing, first: Some(first) } => write!(
                f,
                "{code} {partition}: offsets {missing} were not delivered, but the topic has records there, the first at \
                 {first}: the event source has dropped them, or another process was meant to read them"
            ),
            LossCause::Undelivered { missing, first: None } => write!(
                f,
                "{code} {partition}: offsets {missing} were not delivered, and the brokers could not be asked whether there \
                 are records"
            ),
        }?;
        match self.cause {
            LossCause::Undelivered { .. } => write!(
                f,
                "; see `sluicebox explain {code}`; `sluicebox run --drain` on the same pipeline takes in what is missing; to \
                 continue without it: `lambda: {{gaps: accept}}`"
            ),
            _ => write!(f, "; see `sluicebox explain {code}`; to continue without what is missing: --accept-gap {gap}"),
        }
    }
}

/// A move of one partition's ledger that the operator has to accept, as `--accept-gap` takes it: `orders/3@1200-5000`.
/// It may go backwards, because the offsets of a recreated topic begin again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The partition.
    pub partition: TopicPartition,
    /// The ledger's next offset.
    pub from: i64,
    /// Where to continue.
    pub to: i64,
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}-{}", self.partition, self.from, self.to)
    }
}

/// A text is not a [`Gap`].
#[derive(Debug, thiserror::Error)]
#[error("not a gap; write topic/partition@from-to, as the error message does: orders/3@1200-5000")]
pub struct NotAGap;

impl FromStr for Gap {
    type Err = NotAGap;

    fn from_str(text: &str) -> Result<Self, NotAGap> {
        parse(text).filter(|gap| !gap.partition.topic.is_empty() && gap.from >= 0 && gap.to >= 0).ok_or(NotAGap)
    }
}

fn parse(text: &str) -> Option<Gap> {
    let (place, offsets) = text.rsplit_once('@')?;
    let (topic, partition) = place.rsplit_once('/')?;
    let (from, to) = offsets.split_once('-')?;
    let partition = TopicPartition::new(topic, partition.parse().ok()?);
    Some(Gap { partition, from: from.parse().ok()?, to: to.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition() -> TopicPartition {
        TopicPartition::new("orders", 3)
    }

    fn ledger(next: impl Into<Option<i64>>, topic_id: Option<i64>) -> Ledger {
        let mut ledger = Ledger::default();
        ledger.set(partition(), next.into(), topic_id);
        ledger
    }

    fn bounds(from: i64, to: i64, topic_id: Option<i64>) -> OffsetBounds {
        OffsetBounds { start: to, range: Some(OffsetRange { from, to }), topic_id }
    }

    fn examined(bounds: OffsetBounds, ledgers: &[Ledger]) -> Result<i64, (&'static str, String, SkipReason)> {
        examine(&partition(), &bounds, ledgers.iter())
            .map_err(|loss| (loss.code(), loss.gap().to_string(), loss.skip_reason()))
    }

    #[test]
    fn a_partition_continues_at_the_smallest_ledger_and_starts_where_the_source_says() {
        assert_eq!(examined(bounds(10, 50, None), &[ledger(40, None), ledger(20, None)]), Ok(20));
        assert_eq!(examined(bounds(10, 50, None), &[ledger(None, None), ledger(20, None)]), Ok(20));
        assert_eq!(examined(bounds(10, 50, None), &[ledger(None, None), ledger(None, None)]), Ok(50));
        // A ledger at either end of the range misses nothing.
        assert_eq!(examined(bounds(10, 50, Some(1)), &[ledger(10, Some(1)), ledger(50, None)]), Ok(10));
        assert_eq!(examined(OffsetBounds { start: 0, range: None, topic_id: None }, &[ledger(7, None)]), Ok(7));
    }

    #[test]
    fn missing_offsets_are_named_exactly() {
        let gone = examined(bounds(10, 50, None), &[ledger(40, None), ledger(9, None)]);
        assert_eq!(gone, Err(("E0201", "orders/3@9-10".to_owned(), SkipReason::AcceptedGap)));
    }

    #[test]
    fn a_ledger_ahead_goes_back_to_the_end_of_the_same_topic_and_to_the_beginning_of_another() {
        let truncated = examined(bounds(10, 50, Some(1)), &[ledger(60, Some(1)), ledger(20, Some(1))]);
        assert_eq!(truncated, Err(("E0202", "orders/3@60-50".to_owned(), SkipReason::AcceptedGap)));
        let unknown = examined(bounds(10, 50, None), &[ledger(60, None)]);
        assert_eq!(unknown, Err(("E0202", "orders/3@60-10".to_owned(), SkipReason::TopicRecreated)));
    }

    #[test]
    fn another_topic_of_the_same_name_is_recognised_at_any_offsets() {
        let recreated = examined(bounds(0, 5_000, Some(2)), &[ledger(20, Some(1)), ledger(40, Some(1))]);
        assert_eq!(recreated, Err(("E0203", "orders/3@40-0".to_owned(), SkipReason::TopicRecreated)));
        // One table has skipped the gap already; the other still has to.
        let half_way = examined(bounds(0, 5_000, Some(2)), &[ledger(0, Some(2)), ledger(20, Some(1))]);
        assert_eq!(half_way, Err(("E0203", "orders/3@20-0".to_owned(), SkipReason::TopicRecreated)));
    }

    #[test]
    fn gaps_are_read_as_they_are_written() {
        let gap: Gap = "my.topic-x/12@1200-5000".parse().expect("a gap");
        assert_eq!((gap.from, gap.to, gap.partition.partition), (1200, 5000, 12));
        assert_eq!(gap.to_string(), "my.topic-x/12@1200-5000");
        for wrong in ["", "orders/3", "orders@1-2", "orders/x@1-2", "orders/3@1", "orders/3@a-2", "/3@1-2", "o/3@-1-2"]
        {
            assert!(wrong.parse::<Gap>().is_err(), "{wrong}");
        }
    }
}
