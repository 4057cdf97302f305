//! The `txn` actions of a table's log, as of one snapshot. Does not know what the application ids mean.
//!
//! The kernel replays the log once for every id. On S3 that would be a hundred requests for each of hundreds of
//! partitions, at every conflict with another writer. So this module looks each id up in the whole log once. After that it
//! reads only the newer log entries, because log entries never change.

use std::collections::BTreeMap;

use deltalake::DeltaTableError;
use deltalake::kernel::{Action, Version};
use deltalake::logstore::{LogStoreRef, get_actions};
use deltalake::table::state::DeltaTableState;
use futures::future::try_join_all;

/// How many ids are looked up in the log concurrently.
const LOOKUPS: usize = 16;
/// With more new log entries than this, every id is looked up again instead.
const NEW_ENTRIES_MAX: u64 = 32;

/// The newest version of each application id that was looked up so far.
#[derive(Default)]
pub(super) struct Transactions {
    as_of: Version,
    known: BTreeMap<String, Option<i64>>,
}

impl Transactions {
    /// The versions of `ids` in `snapshot`, in the order of `ids`; none for an id that the log does not have.
    pub(super) async fn read(
        &mut self,
        snapshot: &DeltaTableState,
        log_store: &LogStoreRef,
        ids: &[String],
    ) -> Result<Vec<Option<i64>>, DeltaTableError> {
        self.catch_up(snapshot.version(), log_store).await?;
        let unknown: Vec<String> = ids.iter().filter(|id| !self.known.contains_key(*id)).cloned().collect();
        for ids in unknown.chunks(LOOKUPS) {
            let lookups = ids.iter().map(|id| snapshot.transaction_version(log_store.as_ref(), id));
            let versions = try_join_all(lookups).await?;
            self.known.extend(ids.iter().cloned().zip(versions));
        }
        Ok(ids.iter().map(|id| self.known.get(id).copied().flatten()).collect())
    }

    /// Reads the log entries that are newer than what is known; forgets what is known where that is not possible.
    async fn catch_up(&mut self, version: Version, log_store: &LogStoreRef) -> Result<(), DeltaTableError> {
        if version < self.as_of || version - self.as_of > NEW_ENTRIES_MAX {
            self.known.clear();
        }
        if !self.known.is_empty() {
            for entry in self.as_of + 1..=version {
                match log_store.read_commit_entry(entry).await? {
                    Some(bytes) => self.apply(&get_actions(entry, &bytes)?),
                    // The entry was cleaned up: a checkpoint has replaced it.
                    None => self.known.clear(),
                }
            }
        }
        self.as_of = version;
        Ok(())
    }

    fn apply(&mut self, actions: &[Action]) {
        for action in actions {
            let Action::Txn(transaction) = action else { continue };
            if let Some(known) = self.known.get_mut(&transaction.app_id) {
                *known = Some(transaction.version);
            }
        }
    }
}
