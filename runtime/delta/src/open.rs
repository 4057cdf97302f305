//! Finds, creates and judges tables. A table is judged when it is opened, in `check`, and again whenever another writer has
//! changed its protocol, properties or columns. Stages and commits nothing.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use delta_kernel::Error;
use deltalake::kernel::engine::arrow_conversion::TryIntoArrow as _;
use deltalake::kernel::transaction::CommitProperties;
use deltalake::kernel::{Action, DataType, StructField};
use deltalake::logstore::LogStoreRef;
use deltalake::protocol::SaveMode;
use deltalake::{DeltaTableBuilder, DeltaTableError};
use tracing::info;

use crate::features::{self, Refusal};
use crate::head::Head;
use crate::shape::{KAFKA_OFFSET, KAFKA_PARTITION, KAFKA_TIMESTAMP, KAFKA_TOPIC, Shape};
use crate::store_refusal::{refusal, words};
use crate::{TableError, store};

/// Writers collect statistics of so many columns by default, the first ones.
const COLUMNS_WITH_STATISTICS: usize = 32;
/// The table property that names the columns with statistics instead.
const STATISTICS_PROPERTY: &str = "delta.dataSkippingStatsColumns";

/// The table property that limits how long a table keeps its `txn` actions, which hold the ledger. Unset: for ever.
pub const LEDGER_RETENTION_PROPERTY: &str = "delta.setTransactionRetentionDuration";

/// A table that exists, and its newest version.
pub(crate) struct Opened {
    pub(crate) log_store: LogStoreRef,
    pub(crate) head: Head,
}

/// A name and a place, for errors.
#[derive(Clone, Copy)]
pub(crate) struct Named<'a> {
    pub(crate) name: &'a str,
    pub(crate) location: &'a str,
}

impl Named<'_> {
    pub(crate) fn failed(self, doing: &'static str) -> impl FnOnce(DeltaTableError) -> TableError {
        move |source| table_error(self.name, self.location, doing, source)
    }

    pub(crate) fn unsupported(self, refusals: Vec<Refusal>) -> TableError {
        TableError::Unsupported { table: self.name.to_owned(), location: self.location.to_owned(), refusals }
    }
}

/// The store's error as a table's error; `doing` says what failed.
pub fn table_error(name: &str, location: &str, doing: &'static str, source: DeltaTableError) -> TableError {
    // What the kernel cannot read is a trait of the table. No retry changes it.
    if let DeltaTableError::KernelError(
        Error::Unsupported(what) | Error::InvalidProtocol(what) | Error::MaxCatalogVersion(what),
    ) = &source
    {
        let refusal = Refusal::new(what.clone(), "drop the feature, or name another table");
        return Named { name, location }.unsupported(vec![refusal]);
    }
    let (table, location) = (name.to_owned(), location.to_owned());
    match refusal(&source) {
        Some(refusal) => TableError::Refused { table, location, doing, refusal, words: words(&source) },
        None => TableError::Store { table, location, doing, source: Box::new(source) },
    }
}

/// The table at a location; none if it does not exist. Creates nothing, not even a folder.
pub(crate) async fn find(table: Named<'_>) -> Result<Option<Opened>, TableError> {
    // The local store creates a missing folder when it is opened, so check first.
    if !table.location.contains("://") && !exists(table)? {
        return Ok(None);
    }
    let log_store = log_store(table.location).map_err(table.failed("opening"))?;
    let head = Head::load(&log_store).await.map_err(table.failed("opening"))?;
    Ok(head.map(|head| Opened { log_store, head }))
}

/// Whether there is a folder. A file in its place, or on the way to it, is an error.
fn exists(table: Named<'_>) -> Result<bool, TableError> {
    let found = std::fs::metadata(table.location).and_then(|found| match found.is_dir() {
        true => Ok(()),
        false => Err(ErrorKind::NotADirectory.into()),
    });
    match found {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(table.failed("opening")(error.into())),
    }
}

/// Whether a table at `location` could be created or written to: tries to create a folder there, or in the next folder above
/// that exists, and removes it. Looks at no bucket.
///
/// # Errors
/// If the file system refuses.
pub fn probe(name: &str, location: &str) -> Result<(), TableError> {
    if location.contains("://") {
        return Ok(());
    }
    let existing = Path::new(location).ancestors().find(|folder| folder.exists());
    let probe = existing.unwrap_or(Path::new("/")).join(format!(".sluicebox-check-{}", uuid::Uuid::new_v4()));
    let tried = store::create_folder(&probe.to_string_lossy());
    let tried = tried.and_then(|()| Ok(std::fs::remove_dir(&probe)?));
    tried.map_err(|error| table_error(name, location, "creating", error))
}

/// The log of a table, for readers such as the audit.
pub struct TableLog {
    /// The store that holds the table.
    pub store: LogStoreRef,
    /// The newest version.
    pub version: u64,
    /// The table's properties.
    pub properties: HashMap<String, String>,
}

/// The log of the table at `location`; none if it does not exist. Reads none of the table's files, and creates nothing.
pub async fn find_log(name: &str, location: &str) -> Result<Option<TableLog>, TableError> {
    let opened = find(Named { name, location }).await?;
    Ok(opened.map(|Opened { log_store, head }| TableLog {
        store: log_store,
        version: head.version,
        properties: head.traits.metadata.configuration().clone(),
    }))
}

/// Creates the table, unless another worker has been first: its table is judged like any other.
pub(crate) async fn create(table: Named<'_>, shape: &Shape) -> Result<Opened, TableError> {
    let created = create_or_find(table, shape).await;
    if let Err(error) = created.map_err(table.failed("creating")) {
        // A table that is there now is as good; without one, the first error says more than "not found" would.
        return find(table).await?.ok_or(error);
    }
    find(table)
        .await?
        .ok_or_else(|| DeltaTableError::NotATable(table.location.to_owned()))
        .map_err(table.failed("creating"))
}

async fn create_or_find(table: Named<'_>, shape: &Shape) -> Result<(), DeltaTableError> {
    let url = store::url(table.location)?;
    let created = DeltaTableBuilder::from_url(url)?
        .build()?
        .create()
        .with_table_name(table.name)
        .with_save_mode(SaveMode::Ignore)
        .with_columns(shape.columns.clone())
        .with_partition_columns(shape.partition_columns.clone())
        .with_configuration(statistics_columns(shape).map(|names| (STATISTICS_PROPERTY, Some(names))))
        .with_actions(shape.protocol()?.map(Action::Protocol))
        // Of two workers that create the table at once, the second must fail rather than write its metadata as version
        // 1.
        .with_commit_properties(CommitProperties::default().with_max_retries(0))
        .await;
    created.map(|_| info!(table = table.name, location = table.location, "table created"))
}

/// In a wide table the provenance columns come too late to have statistics by default, and readers find a record by them.
fn statistics_columns(shape: &Shape) -> Option<String> {
    let provenance = [KAFKA_TOPIC, KAFKA_PARTITION, KAFKA_OFFSET, KAFKA_TIMESTAMP];
    let columns = shape.columns.iter().filter(|column| !shape.partition_columns.contains(column.name()));
    let columns: Vec<&StructField> = columns.collect();
    if columns.iter().map(|column| leaves(column.data_type())).sum::<usize>() <= COLUMNS_WITH_STATISTICS {
        return None;
    }
    let (last, first): (Vec<_>, Vec<_>) =
        columns.into_iter().partition(|column| provenance.contains(&column.name().as_str()));
    let mut room = COLUMNS_WITH_STATISTICS - last.len();
    let first = first.into_iter().take_while(|column| {
        let taken = leaves(column.data_type());
        let fits = taken <= room;
        room = room.saturating_sub(taken);
        fits
    });
    let quoted = first.chain(last).map(|column| format!("`{}`", column.name().replace('`', "``")));
    Some(quoted.collect::<Vec<_>>().join(","))
}

/// How many columns a column is in a Parquet file.
fn leaves(data_type: &DataType) -> usize {
    match data_type {
        DataType::Struct(members) => members.fields().map(|member| leaves(member.data_type())).sum(),
        DataType::Array(list) => leaves(list.element_type()),
        DataType::Map(map) => leaves(map.key_type()) + leaves(map.value_type()),
        _ => 1,
    }
}

/// Refuses a table that Sluicebox cannot write to, or that does not take the rows of `shape`.
pub(crate) fn require_writable(table: Named<'_>, head: &Head, shape: &Shape) -> Result<(), TableError> {
    let refusals = features::refusals(&head.traits);
    if !refusals.is_empty() {
        return Err(table.unsupported(refusals));
    }
    let existing =
        head.traits.metadata.parse_schema().map_err(|error| table.failed("reading its schema")(error.into()))?;
    let differences = shape.differences(&existing, head.traits.metadata.partition_columns());
    if !differences.is_empty() {
        let (name, location) = (table.name.to_owned(), table.location.to_owned());
        return Err(TableError::Schema { table: name, location, differences });
    }
    Ok(())
}

/// Refuses a table that may drop its `txn` actions: without them it would take in records a second time.
pub(crate) fn require_lasting_ledger(table: Named<'_>, head: &Head) -> Result<(), TableError> {
    match head.traits.metadata.configuration().get(LEDGER_RETENTION_PROPERTY) {
        None => Ok(()),
        Some(retention) => Err(TableError::LedgerExpires {
            table: table.name.to_owned(),
            location: table.location.to_owned(),
            retention: retention.clone(),
        }),
    }
}

/// The columns of a table, as Arrow has them.
pub(crate) fn arrow_schema(head: &Head) -> Result<SchemaRef, DeltaTableError> {
    let schema = head.traits.metadata.parse_schema()?;
    Ok(Arc::new((&schema).try_into_arrow()?))
}

fn log_store(location: &str) -> Result<LogStoreRef, DeltaTableError> {
    Ok(DeltaTableBuilder::from_url(store::url(location)?)?.build()?.log_store())
}
