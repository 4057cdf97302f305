//! Which record a table's writer fails over, with a panic or an error that no retry changes. The walk goes back to the ledgers
//! and takes in what it had in ever smaller pieces, each flushed by itself, until the piece is one record. That one becomes a
//! dead letter. Pure: it plans pieces, and knows no writer.

use std::collections::BTreeSet;

use sluicebox_ledger::{Offsets, TopicPartition};
use sluicebox_sandbox::{Batch, Outcome, Rejection, Stage, Verdict, code};

/// The first pieces: many records, so that few flushes find the one that fails.
const PIECE_RECORDS: usize = 512;

/// Records under suspicion; mostly none.
#[derive(Default)]
pub(super) struct Suspects {
    /// Up to where pieces are taken, by partition.
    until: Offsets,
    /// How many records a piece has.
    piece_records: usize,
    /// The piece that is in flight: its partition, its first offset, its number of records, the offset behind it.
    piece: Option<(TopicPartition, i64, usize, i64)>,
    /// Found, and not in the tables yet.
    condemned: BTreeSet<(TopicPartition, i64)>,
}

impl Suspects {
    /// Whether each piece is to be flushed by itself.
    pub(super) fn are_any(&self) -> bool {
        !self.until.is_empty()
    }

    /// How many of the batch's first records make a piece.
    pub(super) fn piece(&self, batch: &Batch) -> usize {
        let partition = TopicPartition::new(batch.topic.clone(), batch.partition);
        let Some(&until) = self.until.get(&partition) else { return batch.len() };
        let suspected = batch.offsets.partition_point(|&offset| offset < until);
        if suspected == 0 {
            return batch.len();
        }
        // A condemned record stands alone.
        let innocent = batch
            .offsets
            .iter()
            .position(|&offset| self.condemned.contains(&(partition.clone(), offset)))
            .unwrap_or(suspected);
        self.piece_records.min(innocent).min(suspected).max(1)
    }

    /// These records are on their way into the tables.
    pub(super) fn begin(&mut self, batch: &Batch) {
        let (Some(&first), Some(&last)) = (batch.offsets.first(), batch.offsets.last()) else { return };
        let partition = TopicPartition::new(batch.topic.clone(), batch.partition);
        self.piece = Some((partition, first, batch.len(), last + 1));
    }

    /// What becomes of a record that was found: no rows, and a rejection.
    pub(super) fn judge(&self, batch: &Batch, outcome: &mut Outcome) {
        let Some(&offset) = batch.offsets.first().filter(|_| batch.len() == 1 && !self.condemned.is_empty()) else {
            return;
        };
        if self.condemned.contains(&(TopicPartition::new(batch.topic.clone(), batch.partition), offset)) {
            let rejection = Rejection {
                record: 0,
                stage: Stage::Sandbox,
                code: code::UNWRITABLE.to_owned(),
                message: "the writer of a table fails over the record's rows; the log has its words".to_owned(),
                path: None,
                backtrace: None,
            };
            (outcome.verdicts, outcome.parts) = (vec![Verdict::Rejected], Vec::new());
            outcome.rejections = vec![rejection];
        }
    }

    /// The writer failed over what is in flight: over the piece, or, if there were no pieces, over all since the last flush.
    /// Says whether going back helps: not if it fails over a record that has no rows any more.
    pub(super) fn accuse(&mut self, unflushed: &Offsets) -> bool {
        let piece = self.piece.take();
        if !self.are_any() {
            self.until.clone_from(unflushed);
            if let Some((partition, _, _, end)) = piece {
                self.until.insert(partition, end);
            }
            self.piece_records = PIECE_RECORDS;
            return self.are_any();
        }
        let Some((partition, first, records, end)) = piece else { return false };
        self.until = Offsets::from([(partition.clone(), end)]);
        self.piece_records = (records / 2).max(1);
        match records {
            1 => self.condemned.insert((partition, first)),
            _ => true,
        }
    }

    /// Everything before these offsets is in the tables.
    pub(super) fn passed(&mut self, flushed: &Offsets) {
        self.piece = None;
        let is_in =
            |partition: &TopicPartition, next: i64| flushed.get(partition).is_some_and(|&flushed| flushed >= next);
        self.until.retain(|partition, until| !is_in(partition, *until));
        self.condemned.retain(|(partition, offset)| !is_in(partition, offset + 1));
    }
}

#[cfg(test)]
mod tests {
    use sluicebox_sandbox::NO_HEADERS;

    use super::*;

    fn batch(offsets: std::ops::Range<i64>) -> Batch {
        let mut batch = Batch::new("orders", 0);
        offsets.for_each(|offset| batch.push(offset, 0, None, Some(b"an order"), NO_HEADERS));
        batch
    }

    /// Takes in the records before `end`, as the walk does, with a writer that fails over `culprits`. Returns the condemned,
    /// and how often it went back.
    fn walked(end: i64, culprits: &[i64]) -> (Vec<i64>, usize) {
        let partition = TopicPartition::new("orders", 0);
        let (mut suspects, mut next, mut condemned, mut rewinds) = (Suspects::default(), 0, Vec::new(), 0);
        while next < end {
            let rest = batch(next..end);
            let piece = rest.slice(0..suspects.piece(&rest));
            suspects.begin(&piece);
            let mut outcome = Outcome { verdicts: vec![Verdict::Emitted; piece.len()], ..Outcome::default() };
            suspects.judge(&piece, &mut outcome);
            let is_rejected = outcome.verdicts == [Verdict::Rejected];
            if !is_rejected && piece.offsets.iter().any(|offset| culprits.contains(offset)) {
                assert!(suspects.accuse(&Offsets::new()));
                rewinds += 1;
                continue;
            }
            condemned.extend(is_rejected.then_some(next));
            next = piece.offsets.last().unwrap() + 1;
            suspects.passed(&Offsets::from([(partition.clone(), next)]));
        }
        (condemned, rewinds)
    }

    #[test]
    fn the_records_that_a_writer_fails_over_are_found_and_no_other() {
        for culprits in [&[0][..], &[999], &[500], &[3, 4, 700], &[]] {
            let (condemned, rewinds) = walked(1_000, culprits);
            assert_eq!(condemned, culprits);
            assert!(rewinds <= culprits.len() * 14, "{rewinds} for {culprits:?}");
        }
    }

    #[test]
    fn a_failure_over_a_record_without_rows_is_no_record_s_fault() {
        let mut suspects = Suspects::default();
        let one = batch(7..8);
        for expected in [true, true, false] {
            suspects.begin(&one);
            assert_eq!(suspects.accuse(&Offsets::new()), expected);
        }
    }
}
