//! One entry of a table's log, before it has a version: the actions that become visible together, and who wrote them. Knows
//! no store.

use bytes::Bytes;
use deltalake::kernel::transaction::CommitData;
use deltalake::kernel::{Action, Add, Remove, Transaction};
use deltalake::protocol::{DeltaOperation, SaveMode};
use deltalake::{DeltaTableError, Path};
use serde::Serialize;
use sluicebox_ledger::COMMIT_INFO_KEY;

/// A log entry, ready to be written.
pub(crate) struct Entry {
    bytes: Bytes,
    transactions: Vec<Transaction>,
    /// Where the store keeps the files that become visible.
    files: Vec<Path>,
}

impl Entry {
    /// Makes files visible, and nothing else.
    pub(crate) fn append(
        adds: Vec<Add>,
        transactions: Vec<Transaction>,
        record: &impl Serialize,
    ) -> Result<Self, DeltaTableError> {
        let operation = DeltaOperation::Write { mode: SaveMode::Append, partition_by: None, predicate: None };
        // Engines that allow concurrent changes need to know that the commit read nothing that they change.
        Self::new(adds, Vec::new(), transactions, record, operation, true)
    }

    /// Makes files visible in place of others.
    pub(crate) fn replace(
        adds: Vec<Add>,
        removes: Vec<Remove>,
        transactions: Vec<Transaction>,
        record: &impl Serialize,
    ) -> Result<Self, DeltaTableError> {
        Self::new(adds, removes, transactions, record, DeltaOperation::Update { predicate: None }, false)
    }

    fn new(
        adds: Vec<Add>,
        removes: Vec<Remove>,
        transactions: Vec<Transaction>,
        record: &impl Serialize,
        operation: DeltaOperation,
        is_blind_append: bool,
    ) -> Result<Self, DeltaTableError> {
        let record = serde_json::to_value(record).map_err(|error| DeltaTableError::generic(error.to_string()))?;
        let info = [(COMMIT_INFO_KEY.to_owned(), record), ("isBlindAppend".to_owned(), is_blind_append.into())];
        // An action holds the store's own path: the library encodes it only as it writes the log. To decode it once more would
        // make a folder of the `%2F` in a partition value.
        let files = adds.iter().map(|add| Path::parse(&add.path)).collect::<Result<_, _>>();
        let files = files.map_err(|error| DeltaTableError::generic(error.to_string()))?;
        let actions = removes.into_iter().map(Action::Remove).chain(adds.into_iter().map(Action::Add));
        let data = CommitData::new(actions.collect(), operation, info.into(), transactions.clone());
        Ok(Self { bytes: data.get_bytes()?, transactions, files })
    }

    /// The entry as it is written.
    pub(crate) fn bytes(&self) -> Bytes {
        self.bytes.clone()
    }

    /// The transactions that it records.
    pub(crate) fn transactions(&self) -> &[Transaction] {
        &self.transactions
    }

    /// The files that it makes visible.
    pub(crate) fn files(&self) -> Vec<Path> {
        self.files.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_are_where_the_store_has_them_and_the_log_says_so_in_a_urls_words() {
        let path = "p=a%2Fb%20c/f.parquet";
        let add = Add { path: path.to_owned(), ..Add::default() };
        let entry = Entry::append(vec![add], Vec::new(), &"a record").unwrap();
        assert_eq!(entry.files(), [Path::parse(path).unwrap()]);
        let text = String::from_utf8(entry.bytes().to_vec()).unwrap();
        assert!(text.contains(r#""path":"p=a%252Fb%2520c/f.parquet""#), "{text}");
    }
}
