//! Values of unequal length back to back, and where each ends. Pure.

use arrow::buffer::OffsetBuffer;

/// Byte strings back to back.
pub(super) struct Bytes {
    pub(super) data: Vec<u8>,
    pub(super) ends: Ends,
}

/// Where each slot ends, after a first 0.
pub(super) struct Ends(Vec<i32>);

impl Bytes {
    pub(super) fn new(slots: usize) -> Self {
        Self { data: Vec::new(), ends: Ends::new(slots) }
    }

    pub(super) fn push(&mut self, value: &[u8]) {
        self.data.extend_from_slice(value);
        self.close();
    }

    /// Ends the value that was put into `data`.
    pub(super) fn close(&mut self) {
        self.ends.push(self.data.len());
    }

    pub(super) fn truncate(&mut self, slots: usize) {
        self.data.truncate(self.ends.truncate(slots));
    }

    pub(super) fn slot(&self, index: usize) -> &[u8] {
        &self.data[self.ends.0[index] as usize..self.ends.0[index + 1] as usize]
    }
}

impl Ends {
    pub(super) fn new(slots: usize) -> Self {
        let mut ends = Vec::with_capacity(slots + 1);
        ends.push(0);
        Self(ends)
    }

    /// Every end is at most the length of all JSON text, which [`super::decode`] has found to be below 2 GiB.
    pub(super) fn push(&mut self, end: usize) {
        self.0.push(end as i32);
    }

    /// Returns the end of the last slot that is left.
    pub(super) fn truncate(&mut self, slots: usize) -> usize {
        self.0.truncate(slots + 1);
        self.0.last().map_or(0, |&end| end as usize)
    }

    pub(super) fn offsets(self) -> OffsetBuffer<i32> {
        OffsetBuffer::new(self.0.into())
    }
}
