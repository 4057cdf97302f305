//! What goes in: records of one topic-partition, laid out in columns as they cross the boundary.
//!
//! Nothing here allocates per record, and nothing here knows where records come from.

use std::ops::Range;
use std::sync::Arc;

use crate::outcome::Strings;

mod byte_strings;

pub use byte_strings::{ByteStrings, Headers};
use byte_strings::{end, span};

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
        // Before the offset is pushed: until then, the number of offsets is this record's own index.
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
            // All records have a position or none has: an empty list means that the offset is the position.
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
        // A batch without any header has no `ends` at all, and `span` would index past their end.
        let range = if headers.ends.is_empty() { 0..0 } else { span(&headers.ends, self.index) };
        range.map(|header| (headers.names.get(header).unwrap_or_default(), headers.values.get(header)))
    }
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
