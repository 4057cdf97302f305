//! What became of one record, to compare with what a test expects.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What became of one record.
///
/// Its JSON form is a line of a case's `expected.jsonl`: `{"rows": {"orders": [{…}]}}`, `{"filtered": true}` or
/// `{"rejected": {"code": "…", "path": "…"}}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It made no rows.
    Filtered(bool),
    /// It made these rows: by table, in order. Dates, timestamps and decimals are strings, bytes base64.
    Rows(BTreeMap<String, Vec<Value>>),
    /// It was rejected.
    Rejected {
        /// The code.
        code: String,
        /// Where in the record, if the transform said so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path: Option<String>,
    },
}

/// A record that makes no rows.
#[must_use]
pub fn filtered() -> Verdict {
    Verdict::Filtered(true)
}

/// A record that makes one row.
#[must_use]
pub fn row(table: &str, row: Value) -> Verdict {
    rows([(table, row)])
}

/// A record that makes rows.
#[must_use]
pub fn rows<'t>(rows: impl IntoIterator<Item = (&'t str, Value)>) -> Verdict {
    let mut tables: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for (table, row) in rows {
        tables.entry(table.to_owned()).or_default().push(row);
    }
    Verdict::Rows(tables)
}

/// A record that is rejected; `path` may be empty.
#[must_use]
pub fn rejected(code: &str, path: &str) -> Verdict {
    Verdict::Rejected { code: code.to_owned(), path: (!path.is_empty()).then(|| path.to_owned()) }
}
