//! A record made up for a test.

use crate::batch::Batch;

/// A record to run: its value, and if a test needs them key, headers, timestamp and offset.
///
/// A `&str`, bytes or a `serde_json::Value` alone is a record with that value.
#[derive(Debug, Clone, Default)]
pub struct Input<'i> {
    value: Option<Vec<u8>>,
    key: Option<&'i [u8]>,
    headers: Vec<(&'i str, Option<&'i [u8]>)>,
    timestamp: Option<i64>,
    offset: Option<i64>,
}

impl<'i> Input<'i> {
    /// A record with a value.
    #[must_use]
    pub fn value(value: impl AsRef<[u8]>) -> Self {
        Self { value: Some(value.as_ref().to_vec()), ..Self::default() }
    }

    /// A record without a value.
    #[must_use]
    pub fn tombstone() -> Self {
        Self::default()
    }

    /// Sets the key.
    #[must_use]
    pub fn key(self, key: &'i (impl AsRef<[u8]> + ?Sized)) -> Self {
        Self { key: Some(key.as_ref()), ..self }
    }

    /// Adds a header; names may repeat.
    #[must_use]
    pub fn header(mut self, name: &'i str, value: &'i (impl AsRef<[u8]> + ?Sized)) -> Self {
        self.headers.push((name, Some(value.as_ref())));
        self
    }

    /// Sets the timestamp, in milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn timestamp(self, milliseconds: i64) -> Self {
        Self { timestamp: Some(milliseconds), ..self }
    }

    /// Sets the offset.
    #[must_use]
    pub fn offset(self, offset: i64) -> Self {
        Self { offset: Some(offset), ..self }
    }

    pub(super) fn push_to(self, batch: &mut Batch) {
        let offset = self.offset.unwrap_or(batch.len() as i64);
        let headers = self.headers.iter().map(|(name, value)| (name.as_bytes(), *value));
        batch.push(offset, self.timestamp.unwrap_or(-1), self.key, self.value.as_deref(), headers);
    }
}

impl From<&str> for Input<'_> {
    fn from(value: &str) -> Self {
        Self::value(value)
    }
}

impl From<String> for Input<'_> {
    fn from(value: String) -> Self {
        Self::value(value)
    }
}

impl From<&[u8]> for Input<'_> {
    fn from(value: &[u8]) -> Self {
        Self::value(value)
    }
}

impl<const LEN: usize> From<&[u8; LEN]> for Input<'_> {
    fn from(value: &[u8; LEN]) -> Self {
        Self::value(value)
    }
}

impl From<serde_json::Value> for Input<'_> {
    fn from(value: serde_json::Value) -> Self {
        Self::value(value.to_string())
    }
}
