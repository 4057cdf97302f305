//! A record as one line of JSON, for files, samples and test cases: `{"key": …, "value": …, "headers": …, "offset": …}`.
//! All fields are optional. A `value` that is not a string stands for its compact JSON text, keys sorted; where
//! the exact bytes matter (a number too large for JSON libraries, say), write them as a string or as `value_base64`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;

/// One record, owned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordLine {
    /// The topic, if the line names one.
    pub topic: Option<String>,
    /// The partition, if the line names one.
    pub partition: Option<i32>,
    /// The offset, if the line names one.
    pub offset: Option<i64>,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub timestamp: Option<i64>,
    /// The key's bytes.
    pub key: Option<Vec<u8>>,
    /// The value's bytes; none for a tombstone.
    pub value: Option<Vec<u8>>,
    /// In order, duplicates kept.
    pub headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Shape {
    topic: Option<String>,
    partition: Option<i32>,
    offset: Option<i64>,
    timestamp: Option<i64>,
    key: Option<Value>,
    key_base64: Option<String>,
    value: Option<Value>,
    value_base64: Option<String>,
    headers: Vec<(String, Option<String>)>,
}

/// Why a line is not a record.
#[derive(Debug, thiserror::Error)]
pub enum RecordLineError {
    /// Not the JSON that a record is made of.
    #[error("not a record: {0}")]
    Json(#[from] serde_json::Error),
    /// Not base64.
    #[error("`{field}_base64` is not base64: {source}")]
    Base64 {
        /// Which field.
        field: &'static str,
        /// The decoder's words.
        source: base64::DecodeError,
    },
    /// Two fields for the same thing.
    #[error("give either `{0}` or `{0}_base64`, not both")]
    Both(&'static str),
}

impl RecordLineError {
    /// What is wrong, without a word of the line itself.
    pub fn without_payload(&self) -> String {
        match self {
            Self::Json(error) if error.is_data() => format!(
                "JSON, but not a record: see docs/records.md for the fields and their types (column {}); \
                 `source.file.format: lines` takes each line as a value",
                error.column()
            ),
            Self::Json(error) => format!("not JSON (column {})", error.column()),
            Self::Base64 { field, .. } => format!("`{field}_base64` is not base64"),
            Self::Both(_) => self.to_string(),
        }
    }
}

impl RecordLine {
    /// Reads one line.
    pub fn parse(line: &[u8]) -> Result<Self, RecordLineError> {
        let shape: Shape = serde_json::from_slice(line)?;
        let headers = shape.headers.into_iter().map(|(name, value)| (name.into_bytes(), value.map(String::into_bytes)));
        Ok(Self {
            topic: shape.topic,
            partition: shape.partition,
            offset: shape.offset,
            timestamp: shape.timestamp,
            key: bytes("key", shape.key, shape.key_base64)?,
            value: bytes("value", shape.value, shape.value_base64)?,
            headers: headers.collect(),
        })
    }

    /// The headers, borrowed.
    pub fn headers(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        self.headers.iter().map(|(name, value)| (name.as_slice(), value.as_deref()))
    }
}

fn bytes(
    field: &'static str,
    plain: Option<Value>,
    base64: Option<String>,
) -> Result<Option<Vec<u8>>, RecordLineError> {
    match (plain, base64) {
        (Some(_), Some(_)) => Err(RecordLineError::Both(field)),
        (None, None) => Ok(None),
        (None, Some(text)) => {
            STANDARD.decode(text).map(Some).map_err(|source| RecordLineError::Base64 { field, source })
        }
        (Some(Value::String(text)), None) => Ok(Some(text.into_bytes())),
        (Some(value), None) => Ok(Some(value.to_string().into_bytes())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(line: &str) -> Option<String> {
        let record = RecordLine::parse(line.as_bytes()).expect("a record");
        record.value.map(|value| String::from_utf8(value).expect("UTF-8"))
    }

    #[test]
    fn values_become_bytes() {
        assert_eq!(value(r#"{"value": {"b": 1.5, "a": "x \" y"}}"#).as_deref(), Some(r#"{"a":"x \" y","b":1.5}"#));
        assert_eq!(value(r#"{"value": "plain"}"#).as_deref(), Some("plain"));
        assert_eq!(value(r#"{"value_base64": "AQI="}"#).as_deref(), Some("\u{1}\u{2}"));
        assert_eq!(value(r#"{"value": null}"#), None);
        assert_eq!(value("{}"), None);
    }

    #[test]
    fn what_a_dead_letter_says_quotes_nothing() {
        for line in [
            r#"{"SECRET": 1}"#,
            r#"{"partition": "SECRET"}"#,
            "{\"value\": \"SECRET",
            "SECRET",
            r#"{"key_base64": "SECRET!"}"#,
        ] {
            let said = RecordLine::parse(line.as_bytes()).expect_err("a mistake").without_payload();
            assert!(!said.contains("SECRET") && !said.is_empty(), "{said}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        let message = |line: &str| RecordLine::parse(line.as_bytes()).expect_err("a mistake").to_string();
        assert!(message(r#"{"vlaue": 1}"#).contains("unknown field `vlaue`"));
        assert!(message(r#"{"value": 1, "value_base64": "AQI="}"#).contains("either `value` or `value_base64`"));
        assert!(message(r#"{"key_base64": "?"}"#).contains("`key_base64` is not base64"));
    }
}
