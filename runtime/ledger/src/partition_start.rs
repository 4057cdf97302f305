//! Where the walk starts to read a partition. Every table records it before the first record is read. Pure.

use crate::{Entry, Loss, LossCause, SkipReason, TopicPartition};

/// Where a partition starts. Every table records it before the walk reads the partition's first record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionStart {
    /// The partition.
    pub partition: TopicPartition,
    /// The first offset wanted by a table that does not know the partition, or that skips an accepted gap.
    pub to: i64,
    /// The id of the topic that has this name now, if the source can tell.
    pub topic_id: Option<i64>,
    /// The loss that the operator has accepted.
    pub accepted: Option<Loss>,
}

impl PartitionStart {
    /// The ledger's entry after this start, given the one before; none if the table has nothing to record.
    pub fn entry_after(&self, before: &Entry) -> Option<Entry> {
        let next = match before.next {
            // A table that is further than the gap keeps its place: to move it back would take in records twice.
            Some(next) if !self.moves(before, next) => next,
            _ => self.to,
        };
        // A source that cannot tell the id for now must not make the table forget it.
        let after = Entry { next: Some(next), topic_id: self.topic_id.or(before.topic_id) };
        (after != *before).then_some(after)
    }

    /// Why a ledger that knows the partition already moves.
    pub fn skip_reason(&self) -> SkipReason {
        self.accepted.as_ref().map_or(SkipReason::Start, Loss::skip_reason)
    }

    /// Whether a table that has everything below `next` skips the accepted gap.
    fn moves(&self, before: &Entry, next: i64) -> bool {
        match self.accepted.as_ref().map(|loss| loss.cause) {
            None => false,
            Some(LossCause::OffsetsGone { missing } | LossCause::Undelivered { missing, .. }) => next < missing.to,
            Some(LossCause::LedgerAhead { end, resume, .. }) if resume == end => next > end,
            Some(LossCause::LedgerAhead { .. }) => true,
            Some(LossCause::TopicRecreated { .. }) => before.topic_id != self.topic_id,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OffsetRange;

    fn partition() -> TopicPartition {
        TopicPartition::new("orders", 0)
    }

    fn start(accepted: Option<LossCause>, to: i64, topic_id: Option<i64>) -> PartitionStart {
        let accepted = accepted.map(|cause| Loss { partition: partition(), cause });
        PartitionStart { partition: partition(), to, topic_id, accepted }
    }

    fn at(next: i64) -> Entry {
        Entry { next: Some(next), topic_id: None }
    }

    #[test]
    fn a_table_records_only_what_it_does_not_know() {
        let entry = |next, topic_id| Some(Entry { next: Some(next), topic_id });
        assert_eq!(start(None, 7, None).entry_after(&Entry::default()), entry(7, None));
        assert_eq!(start(None, 7, None).entry_after(&at(9)), None);
        assert_eq!(start(None, 7, Some(1)).entry_after(&at(9)), entry(9, Some(1)));
        let gone = Some(LossCause::OffsetsGone { missing: OffsetRange { from: 5, to: 20 } });
        assert_eq!(start(gone, 20, None).entry_after(&at(9)), entry(20, None));
        assert_eq!(start(gone, 20, None).entry_after(&at(25)), None);
        let truncated = Some(LossCause::LedgerAhead { ledger: 25, end: 20, resume: 20 });
        assert_eq!(start(truncated, 20, None).entry_after(&at(25)), entry(20, None));
        assert_eq!(start(truncated, 20, None).entry_after(&at(9)), None);
        let recreated = Some(LossCause::TopicRecreated { ledger: 25, resume: 0 });
        assert_eq!(start(recreated, 0, Some(2)).entry_after(&at(25)), entry(0, Some(2)));
    }
}
