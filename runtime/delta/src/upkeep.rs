//! Checkpoints and the clean-up of old log entries, beside the walk: a flush does not wait for them. Whether a version is due is
//! decided by its number, so that of all workers only the one that committed it does the work. A checkpoint that fails is
//! tried again after a later commit. Judges nothing, and never touches a data file.

use std::time::Duration;

use delta_kernel::Snapshot;
use delta_kernel::table_properties::TableProperties;
use deltalake::DeltaTableError;
use deltalake::kernel::Version;
use deltalake::logstore::{LogStore as _, LogStoreRef};
use deltalake::table::config::TablePropertiesExt as _;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::{debug, warn};

use crate::head::{Head, root};
use crate::{log_cleanup, memory, metrics};

/// A checkpoint comes with a clean-up of the log once in so many: a clean-up lists the whole log.
const CHECKPOINTS_PER_CLEANUP: u64 = 32;
/// A table with this feature has its own rule for which log entries may go.
const CHECKPOINT_PROTECTION: &str = "checkpointProtection";

/// A checkpoint rests for so many times as long as it took: with many files and quick flushes it would be at work all the time.
const REST_FACTOR: u32 = 10;

/// The upkeep of one table's log.
#[derive(Default)]
pub(crate) struct Upkeep {
    running: Option<JoinHandle<Done>>,
    /// A version was due, and nothing has been done for it yet.
    is_owed: bool,
    cleanup_is_owed: bool,
    rests_until: Option<Instant>,
}

/// What became of a checkpoint.
struct Done {
    is_written: bool,
    took: Duration,
}

impl Upkeep {
    /// Notes that this process has committed `head`, and starts what is due.
    pub(crate) async fn after_commit(&mut self, table: &str, head: &Head, log_store: &LogStoreRef) {
        let properties = TableProperties::from(head.traits.metadata.configuration().iter());
        let interval = properties.checkpoint_interval().get();
        // Versions begin at 0, so version 9 completes the first ten entries.
        if (head.version + 1).is_multiple_of(interval) {
            self.is_owed = true;
            self.cleanup_is_owed |= ((head.version + 1) / interval).is_multiple_of(CHECKPOINTS_PER_CLEANUP);
        }
        if !self.is_owed || self.running.as_ref().is_some_and(|task| !task.is_finished()) {
            return;
        }
        self.settle().await;
        if self.rests_until.is_some_and(|end| Instant::now() < end) {
            return;
        }
        // Taken back by `note` if the checkpoint fails.
        self.is_owed = false;
        let cleans_up = std::mem::take(&mut self.cleanup_is_owed) && may_clean_up(head, &properties);
        let retention = cleans_up.then(|| properties.log_retention_duration());
        let task = maintain(table.to_owned(), log_store.clone(), head.version, retention);
        // With one thread there is none to spare, and what happens when must not depend on chance (the simulation).
        if Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread {
            let done = task.await;
            self.note(&done);
        } else {
            self.running = Some(tokio::spawn(task));
        }
    }

    /// Waits for what is under way.
    pub(crate) async fn settle(&mut self) {
        if let Some(task) = self.running.take()
            && let Ok(done) = task.await
        {
            self.note(&done);
        }
    }

    fn note(&mut self, done: &Done) {
        self.is_owed |= !done.is_written;
        // A failure rests as well, if only for a moment: the next commit tries again.
        self.rests_until = Some(Instant::now() + done.took * REST_FACTOR);
    }
}

impl Drop for Upkeep {
    fn drop(&mut self) {
        // A detached task would go on to write into a log that this process no longer vouches for.
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

async fn maintain(table: String, log_store: LogStoreRef, version: Version, retention: Option<Duration>) -> Done {
    let started = Instant::now();
    let is_written = checkpoint_and_clean_up(&table, &log_store, version, retention).await;
    Done { is_written, took: started.elapsed() }
}

/// Returns whether the checkpoint is there.
async fn checkpoint_and_clean_up(
    table: &str,
    log_store: &LogStoreRef,
    version: Version,
    retention: Option<Duration>,
) -> bool {
    // Swallowed: a checkpoint only saves readers time, and the commit before it has landed.
    if let Err(error) = checkpoint(log_store, version).await {
        metrics::checkpoint_failed(table);
        warn!(table, version, %error, "checkpoint failed: the table stays right; readers start at the one before");
        return false;
    }
    debug!(table, version, "checkpoint written");
    if let Some(retention) = retention {
        match log_cleanup::clean_up(log_store, version, retention).await {
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
