//! Lines of a file that are not records. Each has a position like a record, so it becomes a dead letter with its bytes; the lines
//! around it go on. Knows why a line is malformed, and quotes none of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use sluicebox_ledger::{Reason, Stage};
use sluicebox_sandbox::Batch;

/// The code of their dead letters.
const CODE: &str = "malformed_line";

/// Malformed lines among the records of an intake, and what is wrong with each.
#[derive(Debug, Default)]
pub struct Malformed(BTreeMap<(Arc<str>, i32, i64), String>);

impl Malformed {
    /// Notes a line, which the intake holds as the record at `offset`.
    pub fn note(&mut self, topic: &Arc<str>, partition: i32, offset: i64, why: String) {
        self.0.insert((Arc::clone(topic), partition, offset), why);
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The index of the first malformed record of `batch`, from `from` on.
    pub fn next_in(&self, batch: &Batch, from: usize) -> Option<usize> {
        let at = |offset: i64| (Arc::clone(&batch.topic), batch.partition, offset);
        let (first, last) = (batch.offsets.get(from)?, batch.offsets.last()?);
        if self.0.is_empty() {
            return None;
        }
        let ((_, _, offset), _) = self.0.range(at(*first)..=at(*last)).next()?;
        batch.offsets.binary_search(offset).ok()
    }

    /// Why each record of `batch` is rejected.
    pub fn reasons(&self, batch: &Batch) -> Vec<Reason> {
        let reason = |(record, offset): (usize, &i64)| {
            let why = self.0.get(&(Arc::clone(&batch.topic), batch.partition, *offset))?;
            let (code, message) = (CODE.to_owned(), why.clone());
            Some(Reason { record, stage: Stage::Source, code, message, path: None, backtrace: None })
        };
        batch.offsets.iter().enumerate().filter_map(reason).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_lines_are_found_between_records() {
        let topic: Arc<str> = Arc::from("t");
        let mut batch = Batch::new(Arc::clone(&topic), 0);
        for offset in [3, 4, 6, 9] {
            batch.push(offset, -1, None, Some(b"x"), std::iter::empty::<(&[u8], Option<&[u8]>)>());
        }
        let mut malformed = Malformed::default();
        assert_eq!(malformed.next_in(&batch, 0), None);
        for (partition, offset) in [(0, 2), (0, 6), (0, 9), (0, 10), (1, 3)] {
            malformed.note(&topic, partition, offset, format!("line {offset}"));
        }
        assert_eq!(malformed.next_in(&batch, 0), Some(2));
        assert_eq!(malformed.next_in(&batch, 2), Some(2));
        assert_eq!(malformed.next_in(&batch, 3), Some(3));
        assert_eq!(malformed.next_in(&batch, 4), None);
        let reasons = malformed.reasons(&batch.slice(2..3));
        assert_eq!((reasons.len(), reasons[0].record, reasons[0].message.as_str()), (1, 0, "line 6"));
        malformed.clear();
        assert_eq!(malformed.next_in(&batch, 0), None);
    }
}
