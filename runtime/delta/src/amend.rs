//! Commits outside of the walk, of rows and rewritten files that belong to no range of offsets. Each has a transaction of
//! its own, so that it lands once, however many processes try however often: look for the transaction in a snapshot, then
//! commit from that same snapshot.

use deltalake::DeltaTableError;
use deltalake::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake::kernel::{Action, Transaction};
use deltalake::protocol::{DeltaOperation, SaveMode};
use serde::Serialize;
use sluicebox_ledger::COMMIT_INFO_KEY;
use tracing::{info, warn};

use super::commit::pauses;
use super::files::DataFile;
use super::table::Table;
use crate::TableError;

/// The name of a change that must land once.
#[derive(Clone, Debug)]
pub struct Once {
    /// The transaction's application id.
    pub app_id: String,
    /// The transaction's version: the step of the change, from 1.
    pub step: i64,
}

/// How an attempt to replace files ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replaced {
    /// The change is in the table.
    Landed,
    /// Another process replaced some of the files first, and the change is not in the table: read the table again.
    Overtaken,
}

impl Table {
    /// Takes over the newest snapshot.
    pub async fn renew(&mut self) -> Result<(), TableError> {
        self.refresh(&[]).await.map_err(|source| self.error("reading the log", source))
    }

    /// Whether the table has the change, as of the snapshot that it holds.
    pub async fn has(&self, once: &Once) -> Result<bool, TableError> {
        let version = self.snapshot.transaction_version(self.log_store.as_ref(), &once.app_id).await;
        Ok(version.map_err(|source| self.error("reading the ledger", source))?.is_some_and(|step| step >= once.step))
    }

    /// Makes the staged rows visible, unless the table has the change already.
    pub async fn append_once(&mut self, once: &Once, record: &impl Serialize) -> Result<(), TableError> {
        let partition_columns = self.snapshot.metadata().partition_columns();
        let operation = DeltaOperation::Write {
            mode: SaveMode::Append,
            partition_by: (!partition_columns.is_empty()).then(|| partition_columns.to_vec()),
            predicate: None,
        };
        self.land(&[], once, record, operation).await.map(drop)
    }

    /// Replaces these files by the staged rows in one commit, unless the table has the change already.
    pub async fn replace_once(
        &mut self,
        files: &[DataFile],
        once: &Once,
        record: &impl Serialize,
    ) -> Result<Replaced, TableError> {
        self.land(files, once, record, DeltaOperation::Update { predicate: None }).await
    }

    async fn land(
        &mut self,
        replaced: &[DataFile],
        once: &Once,
        record: &impl Serialize,
        operation: DeltaOperation,
    ) -> Result<Replaced, TableError> {
        let adds = self.finish_files().await.map_err(|source| self.error("finishing the data files", source))?;
        let removes = replaced.iter().map(|file| Action::Remove(file.remove.clone()));
        let actions: Vec<Action> = removes.chain(adds.into_iter().map(Action::Add)).collect();
        let record = serde_json::to_value(record)
            .map_err(|error| self.error("describing the commit", DeltaTableError::generic(error.to_string())))?;
        self.staged_rows = 0;
        let mut pauses = pauses();
        loop {
            if self.has(once).await? {
                info!(table = self.name, app_id = once.app_id, step = once.step, "commit landed: found in the table");
                self.staging_age.clear();
                return Ok(Replaced::Landed);
            }
            if !self.holds(replaced) {
                return Ok(Replaced::Overtaken);
            }
            self.require_freshness()?;
            let properties = CommitProperties::default()
                .with_max_retries(0)
                .with_application_transactions(vec![Transaction::new(&once.app_id, once.step)])
                .with_metadata([(COMMIT_INFO_KEY.to_owned(), record.clone())]);
            let attempt = CommitBuilder::from(properties)
                .with_actions(actions.clone())
                .build(Some(&self.snapshot), self.log_store.clone(), operation.clone())
                .await;
            let error = match attempt {
                Ok(commit) => {
                    info!(
                        table = self.name,
                        version = commit.version,
                        app_id = once.app_id,
                        step = once.step,
                        "committed"
                    );
                    self.snapshot = commit.snapshot;
                    self.staging_age.clear();
                    return Ok(Replaced::Landed);
                }
                Err(error) => error,
            };
            let Some(pause) = pauses.next() else {
                return Err(self.error("committing", error));
            };
            tokio::time::sleep(pause).await;
            match self.refresh(&[]).await {
                Ok(()) => {
                    warn!(table = self.name, %error, "commit failed: it may have landed; reading the table again")
                }
                Err(error) => warn!(table = self.name, %error, "table log unreadable; trying again"),
            }
        }
    }

    /// Whether all of these files are still in the table.
    fn holds(&self, files: &[DataFile]) -> bool {
        let paths: std::collections::HashSet<String> = self.files().into_iter().map(|file| file.path).collect();
        files.iter().all(|file| paths.contains(&file.path))
    }
}
