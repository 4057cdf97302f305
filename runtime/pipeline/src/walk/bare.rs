//! How the walk passes over offsets that no record has: the markers of transactions, aborted records, records that compaction has
//! removed. Else the ledger of an idle partition whose end is a marker would stay before that end for ever. Once retention has
//! emptied the partition, records would seem to be gone. Does not know how the source finds these offsets.

use sluicebox_ledger::OffsetRange;
use tracing::debug;

use crate::source::Source;
use crate::walk::Walk;

impl<S: Source> Walk<S> {
    /// Takes in offsets that no record has, where everything before them is taken in. The next flush commits them.
    pub(super) fn pass_over(&mut self) {
        self.bare.extend(self.source.take_bare_ranges());
        for (partition, range) in std::mem::take(&mut self.bare) {
            let next = self.unflushed.next_offset(&partition).or(self.next_offset(&partition));
            match passage(next, range) {
                Passage::Now => {
                    debug!(%partition, ?next, to = range.to, "passed over offsets that no record has");
                    self.tables.pass_over(&partition, range.to);
                    self.dead_letters.table.pass_over(&partition, range.to);
                    self.unflushed.pass_over(&partition, range.to);
                }
                Passage::Later => {
                    self.bare.insert(partition, range);
                }
                Passage::Never => {}
            }
        }
    }
}

/// What to do about a range of offsets that no record has.
#[derive(Debug, PartialEq, Eq)]
enum Passage {
    Now,
    /// Records before it are not taken in yet.
    Later,
    /// The tables have it, or do not know the partition.
    Never,
}

fn passage(next: Option<i64>, range: OffsetRange) -> Passage {
    match next {
        Some(next) if next < range.from => Passage::Later,
        Some(next) if next < range.to => Passage::Now,
        _ => Passage::Never,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_passed_over_only_once_everything_before_it_is_taken_in() {
        let range = OffsetRange { from: 10, to: 13 };
        assert_eq!(passage(Some(9), range), Passage::Later, "the record at offset 9 comes first");
        assert_eq!(passage(Some(10), range), Passage::Now);
        assert_eq!(passage(Some(12), range), Passage::Now);
        assert_eq!(passage(Some(13), range), Passage::Never);
        assert_eq!(passage(None, range), Passage::Never);
    }
}
