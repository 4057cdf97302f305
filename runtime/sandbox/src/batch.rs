//! What goes in: records of one topic-partition, laid out in columns as they cross the boundary.
//!
//! Nothing here allocates per record, and nothing here knows where records come from.

use std::ops::Range;
use std::sync::Arc;

use crate::outcome::Strings;

/// No headers, for [`Batch::push`].
pub const NO_HEADERS: [(&str, Option<&[u8]>); 0] = [];

/// Records of one topic-partition, in offset order. Offsets may have gaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The source's name in the pipeline file; empty where it has only one source, without a name.
    pub source: Arc<str>,
    /// The topic, or what the source calls it.
    pub topic: Arc<str>,
    /// The partition.
    pub partition: i32,
    /// One per record.
    pub offsets: Vec<i64>,
    /// One per record: the source's own position, UTF-8, in ascending order of bytes. Empty where the offset is the position.
    pub positions: Strings,
    /// One per record: milliseconds since 1970-01-01T00:00:00Z; -1 where the record has none.
    pub timestamps: Vec<i64>,
    /// One per record; null where the record has no key.
    pub keys: ByteStrings,
    /// One per record; null for a tombstone.
    pub values: ByteStrings,
    /// The headers of all records.
    pub headers: Headers,
}

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

/// One record of a batch, borrowed.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// Its offset in the partition.
    pub offset: i64,
    /// The source's own position, UTF-8, where that is not the offset.
    pub position: Option<&'a [u8]>,
    /// Milliseconds since 1970-01-01T00:00:00Z; -1 if it has none.
    pub timestamp: i64,
    /// Its key, if it has one.
    pub key: Option<&'a [u8]>,
    /// Its value; `None` for a tombstone.
    pub value: Option<&'a [u8]>,
    headers: &'a Headers,
    index: usize,
}

impl Batch {
    /// An empty batch.
    pub fn new(topic: impl Into<Arc<str>>, partition: i32) -> Self {
        Self {
            source: Arc::from(""),
            topic: topic.into(),
            partition,
            offsets: Vec::new(),
            positions: Strings::default(),
            timestamps: Vec::new(),
            keys: ByteStrings::default(),
            values: ByteStrings::default(),
            headers: Headers::default(),
        }
    }

    /// Appends a record; [`NO_HEADERS`] if it has none.
    ///
    /// # Panics
    /// If all keys, values or headers of the batch together reach 4 GiB: the source bounds a batch far below.
    pub fn push<'h, N: AsRef<[u8]>>(
        &mut self,
        offset: i64,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: impl IntoIterator<Item = (N, Option<&'h [u8]>)>,
    ) {
        self.headers.push(self.offsets.len(), headers);
        self.offsets.push(offset);
        self.timestamps.push(timestamp);
        self.keys.push(key);
        self.values.push(value);
    }

    /// Notes the source's own position of the record that was pushed last. Either all records of a batch have one, or none.
    ///
    /// # Panics
    /// As [`Self::push`].
    pub fn push_position(&mut self, position: &str) {
        self.positions.data.extend_from_slice(position.as_bytes());
        self.positions.ends.push(end(self.positions.data.len()));
    }

    /// The number of records.
    pub fn len(&self) -> usize {
        self.offsets.len()
    }

    /// Whether it holds no record.
    pub fn is_empty(&self) -> bool {
        self.offsets.is_empty()
    }

    /// Drops the records, and keeps the room for new ones.
    pub fn clear(&mut self) {
        self.offsets.clear();
        self.positions.data.clear();
        self.positions.ends.clear();
        self.timestamps.clear();
        self.keys.clear();
        self.values.clear();
        self.headers.ends.clear();
        self.headers.names.clear();
        self.headers.values.clear();
    }

    /// The bytes of all keys, values, headers and positions.
    pub fn bytes(&self) -> usize {
        let headers = self.headers.names.data.len() + self.headers.values.data.len();
        self.keys.data.len() + self.values.data.len() + headers + self.positions.data.len()
    }

    /// Record `index`.
    ///
    /// # Panics
    /// If there are fewer.
    pub fn record(&self, index: usize) -> Record<'_> {
        Record {
            offset: self.offsets[index],
            position: (!self.positions.is_empty()).then(|| self.positions.get(index)),
            timestamp: self.timestamps[index],
            key: self.keys.get(index),
            value: self.values.get(index),
            headers: &self.headers,
            index,
        }
    }

    /// All records, in order.
    pub fn records(&self) -> impl ExactSizeIterator<Item = Record<'_>> {
        (0..self.len()).map(|index| self.record(index))
    }

    /// A copy of some of the records.
    ///
    /// # Panics
    /// If the range reaches beyond the batch.
    pub fn slice(&self, range: Range<usize>) -> Batch {
        Batch {
            source: Arc::clone(&self.source),
            topic: Arc::clone(&self.topic),
            partition: self.partition,
            offsets: self.offsets[range.clone()].to_vec(),
            positions: self.positions.slice(range.clone()),
            timestamps: self.timestamps[range.clone()].to_vec(),
            keys: self.keys.slice(range.clone()),
            values: self.values.slice(range.clone()),
            headers: self.headers.slice(range),
        }
    }
}

impl<'a> Record<'a> {
    /// Its headers, in order: name and value.
    pub fn headers(&self) -> impl ExactSizeIterator<Item = (&'a [u8], Option<&'a [u8]>)> + use<'a> {
        let headers = self.headers;
        let range = if headers.ends.is_empty() { 0..0 } else { span(&headers.ends, self.index) };
        range.map(|header| (headers.names.get(header).unwrap_or_default(), headers.values.get(header)))
    }
}

impl Headers {
    /// Appends the headers of record `index`, which is the next.
    fn push<'h, N: AsRef<[u8]>>(&mut self, index: usize, headers: impl IntoIterator<Item = (N, Option<&'h [u8]>)>) {
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

    fn slice(&self, range: Range<usize>) -> Headers {
        if self.ends.is_empty() {
            return Headers::default();
        }
        let (ends, inside) = slice_ends(&self.ends, range);
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
    fn slice(&self, range: Range<usize>) -> Strings {
        if self.is_empty() {
            return Strings::default();
        }
        let (ends, bytes) = slice_ends(&self.ends, range);
        Strings { data: self.data[bytes].to_vec(), ends }
    }
}

/// Where value `index` lies.
fn span(ends: &[u32], index: usize) -> Range<usize> {
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
fn end(length: usize) -> u32 {
    u32::try_from(length).expect("a batch holds less than 4 GiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Batch {
        let mut batch = Batch::new("orders", 3);
        batch.push(5, 100, Some(b"k"), Some(b"one"), NO_HEADERS);
        batch.push(7, -1, None, None, [("a", Some(&b"1"[..])), ("a", None)]);
        batch.push(8, 102, Some(b""), Some(b""), NO_HEADERS);
        batch.push(9, 103, None, Some(b"four"), [("b", Some(&b""[..]))]);
        batch
    }

    fn text(batch: &Batch) -> Vec<String> {
        batch
            .records()
            .map(|r| {
                let headers = r.headers().collect::<Vec<_>>();
                format!("{} {:?} {} {:?} {:?} {headers:?}", r.offset, r.position, r.timestamp, r.key, r.value)
            })
            .collect()
    }

    #[test]
    fn a_record_comes_back_as_it_went_in() {
        let batch = sample();
        assert_eq!(batch.record(0).value, Some(&b"one"[..]));
        assert_eq!((batch.record(1).key, batch.record(1).value), (None, None));
        assert_eq!((batch.record(2).key, batch.record(2).value), (Some(&b""[..]), Some(&b""[..])));
        assert_eq!(batch.record(0).headers().len(), 0);
        let headers: Vec<_> = batch.record(1).headers().collect();
        assert_eq!(headers, [(&b"a"[..], Some(&b"1"[..])), (&b"a"[..], None)]);
        assert_eq!(batch.record(2).headers().len(), 0);
        assert_eq!(batch.bytes(), 1 + 7 + 3 + 1);
    }

    #[test]
    fn a_record_has_the_position_that_its_source_gave_it() {
        let mut batch = Batch::new("clicks", 0);
        assert_eq!(batch.slice(0..0), batch);
        for (offset, position) in [(0, "49590338271490256608559692538361571095921575989136588898"), (1, "4960")] {
            batch.push(offset, -1, None, Some(b"v"), NO_HEADERS);
            batch.push_position(position);
        }
        assert_eq!(batch.record(1).position, Some(&b"4960"[..]));
        assert_eq!(batch.slice(1..2).record(0).position, Some(&b"4960"[..]));
        assert_eq!(batch.bytes(), 1 + 1 + 56 + 4);
        batch.clear();
        assert_eq!(batch, Batch::new("clicks", 0));
    }

    #[test]
    fn a_slice_holds_the_same_records() {
        let batch = sample();
        for start in 0..=4 {
            for end in start..=4 {
                assert_eq!(text(&batch.slice(start..end)), text(&batch)[start..end], "{start}..{end}");
            }
        }
        assert!(batch.slice(2..3).headers.ends.is_empty(), "no headers, no ends");
    }

    #[test]
    fn a_cleared_batch_is_as_new() {
        let mut batch = sample();
        batch.clear();
        assert_eq!(batch, Batch::new("orders", 3));
    }
}
