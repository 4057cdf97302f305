//! Gathers small record batches into larger ones, because each write has a fixed cost per column and, in a partitioned
//! table, per partition. Bounded in rows and bytes. Pure.

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::error::ArrowError;

/// Beyond some thousand rows the fixed costs no longer show.
const ROWS_MAX: usize = 16 * 1024;
/// Bounds the memory of what is gathered.
const BYTES_MAX: usize = 8 << 20;

/// Record batches of one schema that wait to be written together.
#[derive(Default)]
pub(super) struct Gather {
    batches: Vec<RecordBatch>,
    rows: usize,
    bytes: usize,
}

impl Gather {
    /// Adds a batch; returns all of them as one as soon as they are worth writing.
    pub(super) fn push(&mut self, batch: RecordBatch) -> Result<Option<RecordBatch>, ArrowError> {
        self.rows += batch.num_rows();
        self.bytes += batch.get_array_memory_size();
        self.batches.push(batch);
        if self.rows >= ROWS_MAX || self.bytes >= BYTES_MAX { self.take() } else { Ok(None) }
    }

    /// Returns all gathered batches as one; none if there are none.
    pub(super) fn take(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        // The whole value, so that the counts of rows and bytes go back to zero together with the batches.
        let Self { mut batches, .. } = std::mem::take(self);
        match batches.len() {
            0 | 1 => Ok(batches.pop()),
            _ => concat_batches(&batches[0].schema(), &batches).map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, AsArray, Int64Array};
    use arrow::datatypes::Int64Type;

    use super::*;

    fn batch(values: impl Iterator<Item = i64>) -> RecordBatch {
        let values: ArrayRef = Arc::new(values.collect::<Int64Array>());
        RecordBatch::try_from_iter([("n", values)]).expect("one column")
    }

    #[test]
    fn rows_come_out_once_and_in_order() {
        let mut gather = Gather::default();
        let mut out = Vec::new();
        for start in (0..3 * ROWS_MAX as i64).step_by(1000) {
            out.extend(gather.push(batch(start..start + 1000)).expect("fits"));
        }
        assert!(out.iter().all(|batch| batch.num_rows() >= ROWS_MAX));
        out.extend(gather.take().expect("fits"));
        assert!(gather.take().expect("fits").is_none());
        let values = out.iter().flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec());
        assert!(values.eq(0..50_000));
    }
}
