//! Byte strings back to back, as keys, values and headers cross the boundary.

use std::ops::Range;

use crate::outcome::Strings;

/// Byte strings back to back: value `i` is `data[ends[i-1]..ends[i]]`. A null value is empty in `data`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ByteStrings {
    /// All bytes.
    pub data: Vec<u8>,
    /// Where each value ends in `data`.
    pub ends: Vec<u32>,
    /// Positions of the null values, ascending.
    pub nulls: Vec<u32>,
}

/// Headers of all records, in order; duplicates are legal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers {
    /// One per record: where its headers end in `names` and `values`. Empty if no record of the batch has headers.
    pub ends: Vec<u32>,
    /// Never null; any bytes.
    pub names: ByteStrings,
    /// As many as names.
    pub values: ByteStrings,
}

impl Headers {
    /// Appends the headers of record `index`, which is the next.
    pub(super) fn push<'h, N: AsRef<[u8]>>(
        &mut self,
        index: usize,
        headers: impl IntoIterator<Item = (N, Option<&'h [u8]>)>,
    ) {
        for (name, value) in headers {
            self.names.push(Some(name.as_ref()));
            self.values.push(value);
        }
        if !self.names.is_empty() {
            // The records before the first with headers have none.
            self.ends.resize(index, 0);
            self.ends.push(end(self.names.len()));
        }
    }

    pub(super) fn slice(&self, range: Range<usize>) -> Headers {
        if self.ends.is_empty() {
            return Headers::default();
        }
        let (ends, inside) = slice_ends(&self.ends, range);
        // A slice without any header has no `ends` either, as a batch that was built that way.
        if inside.is_empty() {
            return Headers::default();
        }
        Headers { ends, names: self.names.slice(inside.clone()), values: self.values.slice(inside) }
    }
}

impl ByteStrings {
    /// Value `index`; `None` if it is null.
    ///
    /// # Panics
    /// If there are fewer.
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        let span = span(&self.ends, index);
        // Only an empty value can be null, which spares most values the search.
        if span.is_empty() && self.nulls.binary_search(&end(index)).is_ok() {
            return None;
        }
        Some(&self.data[span])
    }

    /// Appends a value.
    ///
    /// # Panics
    /// If the bytes together reach 4 GiB.
    pub fn push(&mut self, value: Option<&[u8]>) {
        match value {
            Some(bytes) => self.data.extend_from_slice(bytes),
            None => self.nulls.push(end(self.ends.len())),
        }
        self.ends.push(end(self.data.len()));
    }

    /// The number of values.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether it holds no value.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Drops the values, and keeps the room for new ones.
    pub fn clear(&mut self) {
        self.data.clear();
        self.ends.clear();
        self.nulls.clear();
    }

    /// A copy of some of the values.
    ///
    /// # Panics
    /// If the range reaches beyond the values.
    pub fn slice(&self, range: Range<usize>) -> ByteStrings {
        let (ends, bytes) = slice_ends(&self.ends, range.clone());
        let nulls = self.nulls.iter().filter(|&&null| range.contains(&(null as usize)));
        ByteStrings {
            data: self.data[bytes].to_vec(),
            ends,
            nulls: nulls.map(|null| null - end(range.start)).collect(),
        }
    }
}

impl Strings {
    /// A copy of some of the values; of none where there are none.
    pub(super) fn slice(&self, range: Range<usize>) -> Strings {
        if self.is_empty() {
            return Strings::default();
        }
        let (ends, bytes) = slice_ends(&self.ends, range);
        Strings { data: self.data[bytes].to_vec(), ends }
    }
}

/// Where value `index` lies.
pub(super) fn span(ends: &[u32], index: usize) -> Range<usize> {
    let start = if index == 0 { 0 } else { ends[index - 1] as usize };
    start..ends[index] as usize
}

/// The ends of some of the values, counted from the first of them, and where all of them lie.
fn slice_ends(ends: &[u32], range: Range<usize>) -> (Vec<u32>, Range<usize>) {
    let start = if range.start == 0 { 0 } else { ends[range.start - 1] };
    let slice: Vec<u32> = ends[range].iter().map(|end| end - start).collect();
    let length = slice.last().copied().unwrap_or(0);
    (slice, start as usize..(start + length) as usize)
}

#[expect(clippy::expect_used, reason = "documented: the source bounds a batch far below 4 GiB")]
pub(super) fn end(length: usize) -> u32 {
    u32::try_from(length).expect("a batch holds less than 4 GiB")
}
