//! Selects dead letters by reason, time, position and status. Pure.

use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use sluicebox_ledger::{Stage, TopicPartition};

use super::letter::{Status, Summary};

/// A selection of dead letters; each part that is set narrows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    /// Any of these codes.
    pub codes: Vec<String>,
    /// Rejected at this stage.
    pub stage: Option<Stage>,
    /// In any of these statuses.
    pub statuses: Vec<Status>,
    /// Rejected at this moment or later, in microseconds since 1970-01-01T00:00:00Z.
    pub since: Option<i64>,
    /// Rejected before this moment.
    pub until: Option<i64>,
    /// At any of these positions.
    pub spans: Vec<Span>,
    /// Claimed by this redrive, or discarded with this note.
    pub resolution: Option<String>,
}

impl Selection {
    /// Whether a letter is selected.
    pub fn takes(&self, letter: &Summary) -> bool {
        (self.codes.is_empty() || self.codes.contains(&letter.code))
            && self.stage.is_none_or(|stage| stage == letter.stage)
            && (self.statuses.is_empty() || self.statuses.contains(&letter.status))
            && self.since.is_none_or(|since| letter.rejected_at >= since)
            && self.until.is_none_or(|until| letter.rejected_at < until)
            && (self.spans.is_empty() || self.spans.iter().any(|span| span.takes(letter)))
            && (self.resolution.is_none() || self.resolution == letter.resolution)
    }
}

/// Offsets of one partition, written `topic/partition@offset` or `topic/partition@first-last`; the last is included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Which partition.
    pub partition: TopicPartition,
    /// The first offset.
    pub first: i64,
    /// The last offset.
    pub last: i64,
}

impl Span {
    fn takes(&self, letter: &Summary) -> bool {
        (self.first..=self.last).contains(&letter.offset) && self.partition == letter.partition
    }
}

/// A text is not a position or not a time.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// Not a position.
    #[error("`{0}` is not a position: write `topic/partition@offset`, or `topic/partition@first-last`")]
    Position(String),
    /// Not a time.
    #[error("`{0}` is not a time: write `2026-01-31T12:00:00Z`, or how long ago, such as `90m` or `2days`")]
    Moment(String),
}

impl FromStr for Span {
    type Err = SelectionError;

    fn from_str(text: &str) -> Result<Self, SelectionError> {
        parse(text).ok_or_else(|| SelectionError::Position(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<Span> {
    let (partition, offsets) = text.rsplit_once('@')?;
    let (topic, partition) = partition.rsplit_once('/')?;
    let (first, last) = offsets.split_once('-').unwrap_or((offsets, offsets));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    let partition = TopicPartition::new(topic, partition.parse().ok()?);
    (!topic.is_empty() && 0 <= first && first <= last).then_some(Span { partition, first, last })
}

/// Reads a moment: RFC 3339 (`2026-01-31T12:00:00Z`), or how long before `now` it was (`90m`). Returns microseconds since
/// 1970-01-01T00:00:00Z.
pub fn moment(text: &str, now: SystemTime) -> Result<i64, SelectionError> {
    let at = match humantime::parse_rfc3339_weak(text) {
        Ok(at) => Some(at),
        Err(_) => {
            let ago = humantime::parse_duration(text.trim_start_matches('-')).ok();
            ago.and_then(|ago| now.checked_sub(ago))
        }
    };
    let since = at.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let micros = since.and_then(|since| i64::try_from(since.as_micros()).ok());
    micros.ok_or_else(|| SelectionError::Moment(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn letter(offset: i64, code: &str, rejected_at: i64) -> Summary {
        Summary {
            partition: TopicPartition::new("orders", 3),
            offset,
            stage: Stage::Transform,
            code: code.to_owned(),
            message: String::new(),
            rejected_at,
            status: Status::Open,
            attempts: 1,
            resolution: None,
            pipeline: "p".to_owned(),
            transform_digest: String::new(),
        }
    }

    #[test]
    fn positions_are_read_as_they_are_shown() {
        let span: Span = letter(7, "c", 0).position().parse().expect("a position");
        assert_eq!(span, Span { partition: TopicPartition::new("orders", 3), first: 7, last: 7 });
        let span: Span = "a.b/0@5-9".parse().expect("positions");
        assert_eq!((span.first, span.last), (5, 9));
        for bad in
            ["", "orders", "orders@7", "orders/3@", "orders/x@7", "/3@7", "orders/3@9-5", "orders/3@-7", "o/3@1-"]
        {
            assert_eq!(bad.parse::<Span>(), Err(SelectionError::Position(bad.to_owned())), "{bad}");
        }
    }

    #[test]
    fn moments_are_absolute_or_ago() {
        let now = UNIX_EPOCH + Duration::from_secs(1_000_000);
        assert_eq!(moment("1970-01-02T00:00:00Z", now), Ok(86_400_000_000));
        assert_eq!(moment("90m", now), Ok((1_000_000 - 5_400) * 1_000_000));
        assert_eq!(moment("-1h", now), Ok((1_000_000 - 3_600) * 1_000_000));
        assert!(moment("yesterday", now).is_err());
        assert!(moment("40years", now).is_err(), "before time began");
    }

    #[test]
    fn each_part_narrows() {
        let selection = Selection {
            codes: vec!["a".into(), "b".into()],
            since: Some(10),
            until: Some(20),
            spans: vec!["orders/3@5-6".parse().expect("positions")],
            ..Selection::default()
        };
        assert!(selection.takes(&letter(5, "a", 10)) && selection.takes(&letter(6, "b", 19)));
        for other in [letter(5, "c", 10), letter(5, "a", 9), letter(5, "a", 20), letter(7, "a", 10)] {
            assert!(!selection.takes(&other), "{other:?}");
        }
        assert!(Selection::default().takes(&letter(0, "any", 0)));
    }
}
