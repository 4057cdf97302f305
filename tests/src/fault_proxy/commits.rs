//! What a commit to a Delta table says, as far as it tells how far a pipeline has come.

use std::time::Instant;

use serde_json::Value;

/// A commit that the store has accepted.
#[derive(Debug, Clone)]
pub struct Commit {
    /// When.
    pub at: Instant,
    /// The table's path, beginning with its bucket.
    pub table: String,
    /// Its `txn` actions: application id and version.
    pub ledger: Vec<(String, i64)>,
}

/// Reads one action a line.
pub(super) fn commit(path: &str, body: &[u8]) -> Commit {
    let table = path.split("/_delta_log/").next().unwrap_or_default().trim_start_matches('/').to_owned();
    let actions = serde_json::Deserializer::from_slice(body).into_iter::<Value>().flatten();
    let transactions = actions.filter_map(|action| {
        let transaction = action.get("txn")?;
        Some((transaction.get("appId")?.as_str()?.to_owned(), transaction.get("version")?.as_i64()?))
    });
    Commit { at: Instant::now(), table, ledger: transactions.collect() }
}
