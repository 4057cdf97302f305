//! What a commit has to know of the newest version of a table: protocol, metadata and transactions, and none of its files.
//! Its cost does not depend on the age of the table. Loading it reads the newest checkpoint and the entries after it;
//! bringing it up to date reads the entries that are new; and a commit of our own needs neither.
//!
//! delta-rs' own snapshot lists the whole log at each commit and keeps every live file (docs/adr/0013-commit-path.md). Does
//! not know what the application ids mean, nor which tables Sluicebox can write to.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use delta_kernel::engine_data::{GetData, RowVisitor, TypedGetData as _};
use delta_kernel::expressions::ColumnName;
use delta_kernel::schema::{DataType, SchemaRef, StructField, StructType};
use delta_kernel::{DeltaResult as KernelResult, Engine, Snapshot};
use deltalake::kernel::{Metadata, Protocol, Transaction, Version};
use deltalake::logstore::{LogStore as _, LogStoreRef};
use deltalake::{DeltaTableError, ObjectStoreError, Path};
use object_store::{ObjectMeta, ObjectStore as _, ObjectStoreExt as _, PutMode};
use url::Url;

use crate::log_line::LogLine;
use crate::seen_entry::SeenEntry;
use crate::wall_clock;

/// A head that is older than this is not trusted: another engine may have cleaned up the log behind it, and then the next
/// entry may be absent although there are newer ones. Far below any sensible `delta.logRetentionDuration`.
const TRUSTED_FOR: Duration = Duration::from_secs(10 * 60);
/// With more new entries than this it is cheaper to begin at the newest checkpoint.
const NEW_ENTRIES_MAX: u32 = 64;
/// The domain in which clustered tables keep their columns.
const CLUSTERING_DOMAIN: &str = "delta.clustering";

/// A version of a table, without its files.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) version: Version,
    pub(crate) traits: Arc<Traits>,
    transactions: BTreeMap<String, i64>,
    read_at: SystemTime,
    entry: SeenEntry,
}

/// What rows are laid out for: while it stays the same, rows that are staged still fit.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Traits {
    pub(crate) metadata: Metadata,
    pub(crate) protocol: Protocol,
    /// Whether the table's files are clustered by columns.
    pub(crate) is_clustered: bool,
}

impl Head {
    /// The newest version in the log; none if there is no table.
    pub(crate) async fn load(log_store: &LogStoreRef) -> Result<Option<Self>, DeltaTableError> {
        let root = root(log_store);
        let engine = log_store.engine(None);
        let read_at = wall_clock::now();
        // The kernel waits for the store on the thread that calls it.
        let loaded = tokio::task::spawn_blocking(move || replay(&root, engine.as_ref(), read_at)).await;
        match loaded.map_err(|error| DeltaTableError::generic(error.to_string()))? {
            Ok(mut head) => {
                // Whether it is there is for the commit to judge. Some engines leave out the entry of a checkpoint's version.
                head.is_in(log_store).await?;
                Ok(Some(head))
            }
            // The kernel has no variant for it; delta-rs looks for the same words.
            Err(error) if error.to_string().contains("No files in log segment") => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The newest version in the log, from this one.
    pub(crate) async fn advanced(&self, log_store: &LogStoreRef) -> Result<Self, DeltaTableError> {
        let mut head = self.clone();
        if self.is_old() || !head.is_in(log_store).await? {
            return Self::reload(log_store).await;
        }
        for _ in 0..NEW_ENTRIES_MAX {
            let read_at = wall_clock::now();
            let next = head.version + 1;
            // Delta's versions have no gaps, so the first absent entry is the end of the log. `is_in` above has made
            // sure that the log was not cleaned up behind this version.
            let Some((object, entry)) = read(log_store, next).await? else {
                head.read_at = read_at;
                return Ok(head);
            };
            head.apply(next, &entry)?;
            head.entry = SeenEntry::of(object);
        }
        Self::reload(log_store).await
    }

    async fn reload(log_store: &LogStoreRef) -> Result<Self, DeltaTableError> {
        Self::load(log_store)
            .await?
            .ok_or_else(|| DeltaTableError::NotATable(format!("{}: its log is gone", log_store.root_url())))
    }

    /// Whether so much time has passed that the log has to be looked at before a commit.
    pub(crate) fn is_old(&self) -> bool {
        // A clock that was set back makes it old, too.
        wall_clock::now().duration_since(self.read_at).map_or(true, |age| age > TRUSTED_FOR)
    }

    /// Whether the log still has the entry of this version. It has not if the table was deleted, and perhaps made again: then
    /// an entry after this version would leave a gap in its log, or follow another table's.
    pub(crate) async fn is_in(&mut self, log_store: &LogStoreRef) -> Result<bool, DeltaTableError> {
        match log_store.object_store(None).head(&entry_path(self.version)).await {
            Ok(object) if self.entry.fits(&object) => {
                self.entry = SeenEntry::of(object);
                Ok(true)
            }
            Ok(_) => Ok(false),
            Err(ObjectStoreError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes the next entry of the log; fails if it exists.
    pub(crate) async fn put_next(&self, log_store: &LogStoreRef, entry: Bytes) -> Result<SeenEntry, DeltaTableError> {
        let path = entry_path(self.version + 1);
        let bytes = entry.len();
        // As the library does, which keeps the tag to itself.
        let written = log_store.object_store(None).put_opts(&path, entry.into(), PutMode::Create.into()).await?;
        Ok(SeenEntry::written(bytes, written.e_tag))
    }

    /// Steps on to the entry that this process has written.
    pub(crate) fn step(&mut self, transactions: &[Transaction], entry: SeenEntry) {
        self.version += 1;
        self.entry = entry;
        self.read_at = wall_clock::now();
        self.transactions.extend(transactions.iter().map(|txn| (txn.app_id.clone(), txn.version)));
    }

    /// The newest version of an application's transaction.
    pub(crate) fn transaction(&self, app_id: &str) -> Option<i64> {
        self.transactions.get(app_id).copied()
    }

    /// Applies a log entry. An entry that cannot be read changes nothing.
    fn apply(&mut self, version: Version, entry: &Bytes) -> Result<(), DeltaTableError> {
        let lines = serde_json::Deserializer::from_slice(entry).into_iter::<LogLine>();
        // All lines first: half an entry applied would be a version that the table never had.
        let lines = lines.collect::<Result<Vec<_>, _>>().map_err(|error| {
            let line = format!("line {}, column {}", error.line(), error.column());
            DeltaTableError::InvalidJsonLog { json_err: error, line, version }
        })?;
        for line in lines {
            if let Some(transaction) = line.txn {
                self.transactions.insert(transaction.app_id, transaction.version);
            }
            // A tombstone removes the domain, and is an action of the same kind.
            if let Some(domain) = line.domain_metadata.filter(|domain| domain.domain == CLUSTERING_DOMAIN) {
                Arc::make_mut(&mut self.traits).is_clustered = !domain.removed;
            }
            if let Some(metadata) = line.meta_data {
                Arc::make_mut(&mut self.traits).metadata = metadata;
            }
            if let Some(protocol) = line.protocol {
                Arc::make_mut(&mut self.traits).protocol = protocol;
            }
        }
        self.version = version;
        Ok(())
    }
}

/// The entry of a version, and what the store says of it; none if the log has none.
async fn read(log_store: &LogStoreRef, version: Version) -> Result<Option<(ObjectMeta, Bytes)>, DeltaTableError> {
    match log_store.object_store(None).get(&entry_path(version)).await {
        Ok(found) => {
            let object = found.meta.clone();
            Ok(Some((object, found.bytes().await?)))
        }
        Err(ObjectStoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Where the log keeps the entry of a version.
pub(crate) fn entry_path(version: Version) -> Path {
    Path::from(format!("_delta_log/{version:020}.json"))
}

/// The table's root as the kernel needs it: with a slash at its end.
pub(crate) fn root(log_store: &LogStoreRef) -> Url {
    let mut root = log_store.root_url().clone();
    if !root.path().ends_with('/') {
        root.set_path(&format!("{}/", root.path()));
    }
    root
}

fn replay(root: &Url, engine: &dyn Engine, read_at: SystemTime) -> KernelResult<Head> {
    let snapshot = Snapshot::builder_for(root).build(engine)?;
    let mut newest = Newest::default();
    for batch in snapshot.log_segment().read_actions(engine, TRANSACTIONS.clone())? {
        newest.visit_rows_of(batch?.actions.as_ref())?;
    }
    let table = snapshot.table_configuration();
    let can_be_clustered = table.protocol().writer_features().is_some();
    let is_clustered = can_be_clustered && snapshot.get_domain_metadata_internal(CLUSTERING_DOMAIN, engine)?.is_some();
    let traits = Traits { metadata: table.metadata().clone(), protocol: table.protocol().clone(), is_clustered };
    Ok(Head {
        version: snapshot.version(),
        traits: Arc::new(traits),
        transactions: newest.0,
        read_at,
        entry: SeenEntry::default(),
    })
}

/// `txn` actions, as the kernel is asked for them.
static TRANSACTIONS: LazyLock<SchemaRef> = LazyLock::new(|| {
    let members = [StructField::not_null("appId", DataType::STRING), StructField::not_null("version", DataType::LONG)];
    let transaction = StructType::new_unchecked(members);
    Arc::new(StructType::new_unchecked([StructField::nullable("txn", transaction)]))
});
static TRANSACTION_COLUMNS: LazyLock<[ColumnName; 2]> =
    LazyLock::new(|| [ColumnName::new(["txn", "appId"]), ColumnName::new(["txn", "version"])]);
static TRANSACTION_TYPES: [DataType; 2] = [DataType::STRING, DataType::LONG];

/// The newest version of each application's transaction, from all of them in one pass.
#[derive(Default)]
struct Newest(BTreeMap<String, i64>);

impl RowVisitor for Newest {
    fn selected_column_names_and_types(&self) -> (&'static [ColumnName], &'static [DataType]) {
        (TRANSACTION_COLUMNS.as_slice(), &TRANSACTION_TYPES)
    }

    fn visit<'a>(&mut self, row_count: usize, getters: &[&'a dyn GetData<'a>]) -> KernelResult<()> {
        let [app_ids, versions] = getters else { return Ok(()) };
        for row in 0..row_count {
            if let Some(app_id) = app_ids.get_opt(row, "txn.appId")? {
                let version = versions.get(row, "txn.version")?;
                // The kernel replays the log backwards: the first that it shows is the newest.
                self.0.entry(app_id).or_insert(version);
            }
        }
        Ok(())
    }
}
