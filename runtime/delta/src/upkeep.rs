//! Checkpoints and the clean-up of old log entries, beside the walk: a flush does not wait for them. Whether a version is due is
//! decided by its number, so that of all workers only the one that committed it does the work. A checkpoint that fails is
//! tried once more, after the next commit. Judges nothing, and never touches a data file.

use std::time::Duration;

use delta_kernel::Snapshot;
use delta_kernel::table_properties::TableProperties;
use deltalake::DeltaTableError;
use deltalake::kernel::Version;
use deltalake::logstore::{LogStore as _, LogStoreRef};
use deltalake::table::config::TablePropertiesExt as _;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::JoinHandle;
use tracing::{debug, warn};

use crate::head::{Head, root};
use crate::{log_cleanup, memory, metrics};

/// A checkpoint comes with a clean-up of the log once in so many: a clean-up lists the whole log.
const CHECKPOINTS_PER_CLEANUP: u64 = 32;
/// A table with this feature has its own rule for which log entries may go.
const CHECKPOINT_PROTECTION: &str = "checkpointProtection";

/// The upkeep of one table's log.
#[derive(Default)]
pub(crate) struct Upkeep {
    /// Returns false if its checkpoint failed and should be tried again.
    running: Option<JoinHandle<bool>>,
    is_owed: bool,
}

impl Upkeep {
    /// Notes that this process has committed `head`, and starts what is due.
    pub(crate) async fn after_commit(&mut self, table: &str, head: &Head, log_store: &LogStoreRef) {
        let properties = TableProperties::from(head.traits.metadata.configuration().iter());
        let interval = properties.checkpoint_interval().get();
        let is_due = (head.version + 1).is_multiple_of(interval);
        if !is_due && !self.is_owed {
            return;
        }
        if self.running.as_ref().is_some_and(|task| !task.is_finished()) {
            self.is_owed = true;
            return;
        }
        self.settle().await;
        let is_second_try = std::mem::take(&mut self.is_owed) && !is_due;
        let cleanup_is_due = is_due && ((head.version + 1) / interval).is_multiple_of(CHECKPOINTS_PER_CLEANUP);
        let retention =
            (cleanup_is_due && may_clean_up(head, &properties)).then(|| properties.log_retention_duration());
        let task = maintain(table.to_owned(), log_store.clone(), head.version, retention);
        // With one thread there is none to spare, and what happens when must not depend on chance (the simulation).
        if Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread {
            self.is_owed = !task.await && !is_second_try;
        } else {
            self.running = Some(tokio::spawn(async move { task.await || is_second_try }));
        }
    }

    /// Waits for what is under way.
    pub(crate) async fn settle(&mut self) {
        if let Some(task) = self.running.take() {
            self.is_owed |= !task.await.unwrap_or(false);
        }
    }
}

impl Drop for Upkeep {
    fn drop(&mut self) {
        if let Some(task) = &self.running {
            task.abort();
        }
    }
}

fn may_clean_up(head: &Head, properties: &TableProperties) -> bool {
    let features = head.traits.protocol.writer_features().unwrap_or_default();
    let is_protected = features.iter().any(|feature| feature.as_ref() == CHECKPOINT_PROTECTION);
    properties.enable_expired_log_cleanup() && !is_protected
}

/// Returns whether the checkpoint is there.
async fn maintain(table: String, log_store: LogStoreRef, version: Version, retention: Option<Duration>) -> bool {
    if let Err(error) = checkpoint(&log_store, version).await {
        metrics::checkpoint_failed(&table);
        warn!(table, version, %error, "checkpoint failed: the table stays right; readers start at the one before");
        return false;
    }
    debug!(table, version, "checkpoint written");
    if let Some(retention) = retention {
        match log_cleanup::clean_up(&log_store, version, retention).await {
            Ok(entries) => debug!(table, entries, "expired log entries deleted"),
            Err(error) => warn!(table, %error, "log clean-up failed: expired entries stay until the next one"),
        }
    }
    true
}

async fn checkpoint(log_store: &LogStoreRef, version: Version) -> Result<(), DeltaTableError> {
    let root = root(log_store);
    let engine = log_store.engine(None);
    let written = tokio::task::spawn_blocking(move || {
        let snapshot = Snapshot::builder_for(root).at_version(version).build(engine.as_ref())?;
        let written = snapshot.checkpoint(engine.as_ref(), None).map(drop);
        memory::give_back();
        written
    });
    Ok(written.await.map_err(|error| DeltaTableError::generic(error.to_string()))??)
}
