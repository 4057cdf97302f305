//! Commits outside of the walk, of rows and rewritten files that belong to no range of offsets. Each has a transaction of
//! its own, so that it lands once, however many processes try however often: look for the transaction in a version, then
//! commit on top of that same version.

use std::collections::HashSet;

use deltalake::kernel::Transaction;
use serde::Serialize;
use tracing::{info, warn};

use crate::commit::pauses;
use crate::entry::Entry;
use crate::{DataFile, Refusal, Table, TableError};

/// The table property that forbids to remove rows.
const APPEND_ONLY_PROPERTY: &str = "delta.appendOnly";

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
    /// Takes over the newest version.
    pub async fn renew(&mut self) -> Result<(), TableError> {
        self.refresh(&[]).await.map_err(|source| self.error("reading the log", source))?;
        self.require_unchanged()
    }

    /// Whether the table has the change, as of the version that it holds.
    pub fn has(&self, once: &Once) -> bool {
        self.head.transaction(&once.app_id).is_some_and(|step| step >= once.step)
    }

    /// Makes the staged rows visible, unless the table has the change already.
    pub async fn append_once(&mut self, once: &Once, record: &impl Serialize) -> Result<(), TableError> {
        self.land(&[], once, record).await.map(drop)
    }

    /// Replaces these files by the staged rows in one commit, unless the table has the change already.
    pub async fn replace_once(
        &mut self,
        files: &[DataFile],
        once: &Once,
        record: &impl Serialize,
    ) -> Result<Replaced, TableError> {
        if self.head.traits.metadata.configuration().get(APPEND_ONLY_PROPERTY).is_some_and(|value| value == "true") {
            let remedy = format!("`ALTER TABLE … UNSET TBLPROPERTIES ('{APPEND_ONLY_PROPERTY}')`");
            let refusal = Refusal::new(format!("property `{APPEND_ONLY_PROPERTY}` = `true`"), remedy);
            return Err(self.named().unsupported(vec![refusal]));
        }
        self.land(files, once, record).await
    }

    async fn land(
        &mut self,
        replaced: &[DataFile],
        once: &Once,
        record: &impl Serialize,
    ) -> Result<Replaced, TableError> {
        let adds = self.finish_files().await.map_err(|source| self.error("finishing the data files", source))?;
        let transactions = vec![Transaction::new(&once.app_id, once.step)];
        let entry = match replaced {
            [] => Entry::append(adds, transactions, record),
            files => Entry::replace(adds, files.iter().map(|file| file.remove.clone()).collect(), transactions, record),
        };
        let entry = entry.map_err(|error| self.error("describing the commit", error))?;
        // The files are finished: their rows are in the entry now, and count as staged no longer.
        self.staged_rows = 0;
        let mut pauses = pauses();
        loop {
            // First, on every turn: an attempt whose answer was lost may be in the table, and then its own removal of
            // the files would look like another process's below.
            if self.has(once) {
                info!(table = self.name, app_id = once.app_id, step = once.step, "commit landed: found in the table");
                self.staging_age.clear();
                return Ok(Replaced::Landed);
            }
            if !self.holds(replaced).await? {
                return Ok(Replaced::Overtaken);
            }
            // Not before the two answers above: they stay true however long this process was suspended.
            self.require_freshness()?;
            let error = match self.attempt(&entry).await {
                Ok(()) => {
                    let version = self.head.version;
                    info!(table = self.name, version, app_id = once.app_id, step = once.step, "committed");
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
            self.require_unchanged()?;
            // Last, because it costs one request per file, and the checks before it cost none.
            self.require_files(&entry).await?;
        }
    }

    /// Whether all of these files are still in the table.
    async fn holds(&self, files: &[DataFile]) -> Result<bool, TableError> {
        if files.is_empty() {
            return Ok(true);
        }
        let paths: HashSet<String> = self.files().await?.into_iter().map(|file| file.path).collect();
        Ok(files.iter().all(|file| paths.contains(&file.path)))
    }
}
