//! A batch of records as it crosses the boundary: columns, not records. `Record` is the view that a transform gets.

use crate::column::Strings;

mod byte_strings;

pub use byte_strings::ByteStrings;

/// The headers of all records of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers {
    /// Where each record's headers end in `names` and `values`; empty if no record has headers.
    pub ends: Vec<u32>,
    /// Never null.
    pub names: ByteStrings,
    /// A header may have no value.
    pub values: ByteStrings,
}

/// Records of one topic-partition, in offset order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// The source's name in the pipeline file; empty where it has only one source, without a name.
    pub source: String,
    /// The topic of every record.
    pub topic: String,
    /// The partition of every record.
    pub partition: i32,
    /// One a record; there may be gaps.
    pub offsets: Vec<i64>,
    /// One a record: the source's own position. Empty where the offset is the position, as in Kafka.
    pub positions: Strings,
    /// One a record: milliseconds since 1970-01-01T00:00:00Z; -1 where the record has none.
    pub timestamps: Vec<i64>,
    /// One a record.
    pub keys: ByteStrings,
    /// One a record; null for a tombstone.
    pub values: ByteStrings,
    /// Of all records.
    pub headers: Headers,
}

impl Batch {
    /// An empty batch of a topic's partition.
    #[must_use]
    pub fn new(topic: impl Into<String>, partition: i32) -> Self {
        Self { topic: topic.into(), partition, ..Self::default() }
    }

    /// How many records there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.offsets.len()
    }

    /// Whether there is no record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.offsets.is_empty()
    }

    /// Appends a record.
    pub fn push<'h>(
        &mut self,
        offset: i64,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: impl IntoIterator<Item = (&'h [u8], Option<&'h [u8]>)>,
    ) {
        let records_before = self.len();
        self.offsets.push(offset);
        self.timestamps.push(timestamp);
        self.keys.push(key);
        self.values.push(value);
        for (name, value) in headers {
            self.headers.names.push(Some(name));
            self.headers.values.push(value);
        }
        if !self.headers.names.is_empty() {
            self.headers.ends.resize(records_before, 0);
            self.headers.ends.push(self.headers.names.len() as u32);
        }
    }

    /// The record at `index`.
    #[inline]
    #[must_use]
    pub fn record(&self, index: usize) -> Record<'_> {
        Record { batch: self, index }
    }
}

/// One record of a batch, borrowed. What a transform reads lives as long as the batch.
#[derive(Debug, Clone, Copy)]
pub struct Record<'r> {
    batch: &'r Batch,
    index: usize,
}

impl<'r> Record<'r> {
    /// The bytes of the value; `None` for a tombstone.
    #[inline]
    #[must_use]
    pub fn value(&self) -> Option<&'r [u8]> {
        self.batch.values.get(self.index)
    }

    /// The bytes of the key, if it has one.
    #[must_use]
    pub fn key(&self) -> Option<&'r [u8]> {
        self.batch.keys.get(self.index)
    }

    /// The name of the source that the record was read from, as the pipeline file gives it; empty if it gives none.
    #[must_use]
    pub fn source(&self) -> &'r str {
        &self.batch.source
    }

    /// The source's own position of the record, where that is not its offset: a sequence number of Kinesis, for example.
    #[must_use]
    pub fn position(&self) -> Option<&'r str> {
        let positions = &self.batch.positions;
        (!positions.ends.is_empty()).then(|| std::str::from_utf8(positions.get(self.index)).unwrap_or_default())
    }

    /// The topic that the record was read from.
    #[must_use]
    pub fn topic(&self) -> &'r str {
        &self.batch.topic
    }

    /// The partition that the record was read from.
    #[must_use]
    pub fn partition(&self) -> i32 {
        self.batch.partition
    }

    /// The record's place in its partition.
    #[must_use]
    pub fn offset(&self) -> i64 {
        self.batch.offsets[self.index]
    }

    /// When the record was produced or appended, as the topic is set up; `None` where the broker has no time for it.
    #[must_use]
    pub fn timestamp(&self) -> Option<crate::Timestamp> {
        let milliseconds = self.batch.timestamps[self.index];
        (milliseconds >= 0).then(|| crate::Timestamp::from_milliseconds(milliseconds))
    }

    /// The headers, in order; names may repeat.
    pub fn headers(&self) -> impl DoubleEndedIterator<Item = Header<'r>> + use<'r> {
        let (headers, index) = (&self.batch.headers, self.index);
        let end = headers.ends.get(index).map_or(0, |end| *end as usize);
        let start = if index == 0 { 0 } else { headers.ends.get(index - 1).map_or(0, |end| *end as usize) };
        (start..end).map(|at| Header { name: headers.names.get(at).unwrap_or_default(), value: headers.values.get(at) })
    }

    /// The value of the last header of that name, as Kafka's own clients resolve duplicates.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'r [u8]> {
        self.headers().rev().find(|header| header.name == name.as_bytes())?.value
    }
}

/// One header of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header<'r> {
    /// UTF-8, if the producer keeps to Kafka's protocol.
    pub name: &'r [u8],
    /// A header may have no value.
    pub value: Option<&'r [u8]>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_as_they_were_pushed() {
        let mut batch = Batch::new("orders", 3);
        batch.push(7, -1, None, Some(b"first"), []);
        batch.push(9, 1_000, Some(b"k"), None, [(&b"a"[..], Some(&b"1"[..])), (b"a", Some(b"2")), (b"b", None)]);
        batch.push(10, 0, Some(b""), Some(b""), []);

        let [first, tombstone, empty] = [0, 1, 2].map(|index| batch.record(index));
        assert_eq!(
            (first.offset(), first.key(), first.value(), first.timestamp()),
            (7, None, Some(&b"first"[..]), None)
        );
        assert_eq!(first.headers().count(), 0);
        assert_eq!((tombstone.key(), tombstone.value()), (Some(&b"k"[..]), None));
        assert_eq!(tombstone.header("a"), Some(&b"2"[..]), "the last of the duplicates");
        assert_eq!(tombstone.headers().map(|header| header.name).collect::<Vec<_>>(), [b"a", b"a", b"b"]);
        assert_eq!((empty.key(), empty.value(), empty.headers().count()), (Some(&b""[..]), Some(&b""[..]), 0));
        assert_eq!((first.source(), first.position()), ("", None));
    }

    #[test]
    fn a_record_knows_its_source_and_the_position_there() {
        let mut batch = Batch::new("clicks", 0);
        batch.source = "kinesis".to_owned();
        for (offset, position) in [(0, "4959"), (1, "4960")] {
            batch.push(offset, -1, None, None, []);
            batch.positions.push(position.as_bytes());
        }
        assert_eq!((batch.record(1).source(), batch.record(1).position()), ("kinesis", Some("4960")));
    }
}
