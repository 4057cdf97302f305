//! One Delta table: open or create it, read its ledger, and stage rows as Parquet files that no reader sees until
//! [`commit`](super::commit) makes them visible. Knows nothing of Kafka or of transforms.

use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use deltalake::kernel::engine::arrow_conversion::TryIntoArrow as _;
use deltalake::kernel::{Action, Add};
use deltalake::logstore::LogStoreRef;
use deltalake::protocol::SaveMode;
use deltalake::table::state::DeltaTableState;
use deltalake::{DeltaTable, DeltaTableBuilder, DeltaTableError};
use sluicebox_ledger::{Ledger, Tally, TopicPartition, app_id, topic_id_app_id};
use sluicebox_sandbox::Verdict;
use tracing::info;

use super::gather::Gather;
use super::shape::Shape;
use super::staging_age::StagingAge;
use super::transactions::Transactions;
use super::writer::{UnwritableValue, Writer, unwritable_rows};
use crate::{TableError, store, wall_clock};

/// The table property that limits how long a table keeps its `txn` actions, which hold the ledger. Unset: for ever.
pub const LEDGER_RETENTION_PROPERTY: &str = "delta.setTransactionRetentionDuration";

/// A Delta table that a pipeline writes to.
pub struct Table {
    pub(super) name: String,
    pub(super) location: String,
    pub(super) pipeline: String,
    pub(super) log_store: LogStoreRef,
    /// The snapshot that the ledger was read from, and that the next commit is made from.
    pub(super) snapshot: DeltaTableState,
    pub(super) ledger: Ledger,
    transactions: Transactions,
    pub(super) tally: Tally,
    pub(super) staged_rows: u64,
    pub(super) staging_age: StagingAge,
    gather: Gather,
    writer: Writer,
}

impl Table {
    /// Opens the table at `location`, a folder or URL. Creates it if it does not exist; refuses one that does not fit.
    pub async fn open(pipeline: &str, name: &str, location: &str, shape: &Shape) -> Result<Self, TableError> {
        if let Some(table) = Self::find(pipeline, name, location, shape).await? {
            return Ok(table);
        }
        let table = create(name, location, shape).await;
        Self::of(
            pipeline,
            table.map_err(|source| table_error(name, location, "creating", source))?,
            name,
            location,
            shape,
        )
    }

    /// The table at `location` if it exists. Refuses one that does not fit; creates nothing.
    pub async fn find(pipeline: &str, name: &str, location: &str, shape: &Shape) -> Result<Option<Self>, TableError> {
        let table = find_beforehand(name, location).await?;
        table.map(|table| Self::of(pipeline, table, name, location, shape)).transpose()
    }

    fn of(
        pipeline: &str,
        mut table: DeltaTable,
        name: &str,
        location: &str,
        shape: &Shape,
    ) -> Result<Self, TableError> {
        let failed = |doing| move |source| table_error(name, location, doing, source);
        require_fit(&table, name, location, shape)?;
        require_lasting_ledger(table.snapshot().map_err(failed("opening"))?, name, location)?;
        let writer = writer(&table).map_err(failed("preparing to write"))?;
        let log_store = table.log_store();
        let snapshot = table.state.take().ok_or(DeltaTableError::NotInitialized).map_err(failed("opening"))?;
        Ok(Self {
            name: name.to_owned(),
            location: location.to_owned(),
            pipeline: pipeline.to_owned(),
            log_store,
            snapshot,
            ledger: Ledger::default(),
            transactions: Transactions::default(),
            tally: Tally::default(),
            staged_rows: 0,
            staging_age: StagingAge::default(),
            gather: Gather::default(),
            writer,
        })
    }

    /// Checks an existing table against `shape` without creating or changing anything. A missing table passes.
    pub async fn check(name: &str, location: &str, shape: &Shape) -> Result<(), TableError> {
        match find_beforehand(name, location).await? {
            Some(table) => require_fit(&table, name, location, shape),
            None => Ok(()),
        }
    }

    /// The columns of the table at `location`, or those that it would be created with.
    pub async fn peek(name: &str, location: &str, shape: &Shape) -> Result<SchemaRef, TableError> {
        let failed = |source| table_error(name, location, "reading its schema", source);
        match find_beforehand(name, location).await? {
            Some(table) => {
                require_fit(&table, name, location, shape)?;
                Ok(Arc::clone(writer(&table).map_err(failed)?.schema()))
            }
            None => shape.arrow_schema().map_err(|error| failed(error.into())),
        }
    }

    /// The ledger of `partitions` in the table at `location`, for commands that only read; empty if there is no table.
    pub async fn ledger_of(
        pipeline: &str,
        name: &str,
        location: &str,
        partitions: &[TopicPartition],
    ) -> Result<Ledger, TableError> {
        let failed = |source| table_error(name, location, "reading the ledger", source);
        let mut ledger = Ledger::default();
        let Some(table) = find_beforehand(name, location).await? else { return Ok(ledger) };
        let ids: Vec<String> = partitions.iter().map(|partition| app_id(pipeline, partition)).collect();
        let snapshot = table.snapshot().map_err(failed)?;
        let versions = Transactions::default().read(snapshot, &table.log_store(), &ids).await.map_err(failed)?;
        for (partition, next) in partitions.iter().zip(versions) {
            ledger.set(partition.clone(), next, None);
        }
        Ok(ledger)
    }

    /// The name by which the transform knows the table.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The table's location.
    pub fn location(&self) -> &str {
        &self.location
    }

    /// The table's columns.
    pub fn schema(&self) -> &SchemaRef {
        self.writer.schema()
    }

    /// Those of `rows` that the table cannot hold, by index, each with the reason. [`Table::stage`] refuses them, and the rows
    /// beside them.
    pub fn unwritable_rows(&self, rows: &RecordBatch) -> Vec<(usize, UnwritableValue)> {
        unwritable_rows(rows, self.snapshot.metadata().partition_columns())
    }

    /// The table's ledger, as of the snapshot that the next commit is made from.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Counts records of a partition towards the next commit, without those that the table has already.
    pub fn account(&mut self, partition: &TopicPartition, offsets: &[i64], verdicts: &[Verdict]) {
        let next = self.ledger.next(partition);
        let first = next.map_or(0, |next| offsets.partition_point(|&offset| offset < next));
        if let Some(&offset) = offsets.get(first) {
            self.tally.count(partition, next.unwrap_or(offset), &offsets[first..], &verdicts[first..]);
        }
    }

    /// Notes that a partition's counted records were judged by another transform than the one that the commit will name.
    pub fn note_judge(&mut self, partition: &TopicPartition, transform_digest: &str) {
        self.tally.note_judge(partition, transform_digest);
    }

    /// Rows staged since the last commit.
    pub fn staged_rows(&self) -> u64 {
        self.staged_rows
    }

    /// Adds `partitions` to those of this worker, and reads their ledger from the newest snapshot. Call it only with nothing
    /// staged: staged rows were compared with the older snapshot.
    pub async fn read_ledger(&mut self, partitions: &[TopicPartition]) -> Result<(), TableError> {
        self.refresh(partitions).await.map_err(|source| self.error("reading the ledger", source))?;
        self.require_lasting_ledger()
    }

    /// Refuses a table that may drop its `txn` actions: without them it would take in records a second time.
    pub(super) fn require_lasting_ledger(&self) -> Result<(), TableError> {
        require_lasting_ledger(&self.snapshot, &self.name, &self.location)
    }

    /// Loads the newest snapshot and reads from it the ledger of every partition of this worker, `more` included. It must be
    /// all of them: a ledger from an older snapshot must not be committed from this one.
    pub(super) async fn refresh(&mut self, more: &[TopicPartition]) -> Result<(), DeltaTableError> {
        let mut snapshot = self.snapshot.clone();
        snapshot.update(self.log_store.as_ref(), None).await?;
        let mut ledger = Ledger::default();
        let partitions: Vec<&TopicPartition> = self.ledger.partitions().chain(more).collect();
        let ids = partitions
            .iter()
            .flat_map(|partition| [app_id(&self.pipeline, partition), topic_id_app_id(&self.pipeline, partition)]);
        let versions = self.transactions.read(&snapshot, &self.log_store, &ids.collect::<Vec<_>>()).await?;
        for (partition, version) in partitions.into_iter().zip(versions.chunks_exact(2)) {
            ledger.set(partition.clone(), version[0], version[1]);
        }
        // Both or neither: an error above leaves the old pair, which belongs together.
        self.snapshot = snapshot;
        self.ledger = ledger;
        Ok(())
    }

    /// Stages rows: writes them into a file that no reader sees before the commit.
    pub async fn stage(&mut self, rows: RecordBatch) -> Result<(), TableError> {
        if rows.num_rows() == 0 {
            return Ok(());
        }
        self.staged_rows += rows.num_rows() as u64;
        self.staging_age.stage(wall_clock::now());
        let gathered = self.gather.push(rows);
        self.write(gathered).await.map_err(|source| self.error("staging rows", source))
    }

    /// Finishes the files of the staged rows, and returns the actions that a commit makes them visible with.
    pub(super) async fn finish_files(&mut self) -> Result<Vec<Add>, DeltaTableError> {
        let rest = self.gather.take();
        self.write(rest).await?;
        Ok(self.writer.finish().await?)
    }

    async fn write(&mut self, rows: Result<Option<RecordBatch>, ArrowError>) -> Result<(), DeltaTableError> {
        match rows? {
            Some(rows) => Ok(self.writer.write(rows).await?),
            None => Ok(()),
        }
    }

    /// Drops the staged rows. Aborts unfinished uploads. Finished files stay behind, invisible, until `sluicebox clean`
    /// deletes them.
    pub fn abandon(&mut self) {
        self.gather = Gather::default();
        self.writer.abandon();
        self.tally.clear();
        self.staged_rows = 0;
        self.staging_age.clear();
    }

    /// Refuses to commit rows that were staged too long ago: `sluicebox clean` may have deleted their files.
    pub(super) fn require_freshness(&self) -> Result<(), TableError> {
        match self.staging_age.is_over(wall_clock::now()) {
            false => Ok(()),
            true => Err(TableError::Stale { table: self.name.clone() }),
        }
    }

    /// Forgets partitions that another worker has taken over.
    pub fn forget(&mut self, partitions: &[TopicPartition]) {
        for partition in partitions {
            self.ledger.forget(partition);
        }
    }

    /// An Arrow error as this table's error; `doing` says what failed.
    pub fn arrow_error(&self, doing: &'static str, source: ArrowError) -> TableError {
        self.error(doing, DeltaTableError::from(source))
    }

    pub(super) fn error(&self, doing: &'static str, source: DeltaTableError) -> TableError {
        table_error(&self.name, &self.location, doing, source)
    }
}

/// The store's error as a table's error; `doing` says what failed.
pub fn table_error(name: &str, location: &str, doing: &'static str, source: DeltaTableError) -> TableError {
    TableError::Store { table: name.to_owned(), location: location.to_owned(), doing, source: Box::new(source) }
}

/// The table at `location`, loaded; none if it does not exist. Creates nothing, not even a folder.
pub async fn find_beforehand(name: &str, location: &str) -> Result<Option<DeltaTable>, TableError> {
    // The local store creates a missing folder when it is opened, so check first.
    if !location.contains("://") && !Path::new(location).exists() {
        return Ok(None);
    }
    find(location).await.map_err(|source| table_error(name, location, "opening", source))
}

/// As [`find_beforehand`], but creates the folder of a local table.
async fn find(location: &str) -> Result<Option<DeltaTable>, DeltaTableError> {
    let url = store::url(location)?;
    let mut table = DeltaTableBuilder::from_url(url)?.build()?;
    if !table.verify_deltatable_existence().await? {
        return Ok(None);
    }
    table.load().await?;
    Ok(Some(table))
}

async fn create(name: &str, location: &str, shape: &Shape) -> Result<DeltaTable, DeltaTableError> {
    let url = store::url(location)?;
    let created = DeltaTableBuilder::from_url(url)?
        .build()?
        .create()
        .with_table_name(name)
        .with_save_mode(SaveMode::Ignore)
        .with_columns(shape.columns.clone())
        .with_partition_columns(shape.partition_columns.clone())
        .with_actions(shape.protocol()?.map(Action::Protocol))
        .await;
    match created {
        Ok(table) => {
            info!(table = name, location, "table created");
            Ok(table)
        }
        // Another worker created it first: its table is checked like any other.
        Err(error) => find(location).await?.ok_or(error),
    }
}

fn require_fit(table: &DeltaTable, name: &str, location: &str, shape: &Shape) -> Result<(), TableError> {
    let failed = |source| table_error(name, location, "reading its schema", source);
    let snapshot = table.snapshot().map_err(failed)?;
    let differences = shape.differences(&snapshot.schema(), snapshot.metadata().partition_columns());
    if differences.is_empty() {
        return Ok(());
    }
    Err(TableError::Schema { table: name.to_owned(), location: location.to_owned(), differences })
}

fn require_lasting_ledger(snapshot: &DeltaTableState, name: &str, location: &str) -> Result<(), TableError> {
    match snapshot.metadata().configuration().get(LEDGER_RETENTION_PROPERTY) {
        None => Ok(()),
        Some(retention) => Err(TableError::LedgerExpires {
            table: name.to_owned(),
            location: location.to_owned(),
            retention: retention.clone(),
        }),
    }
}

fn writer(table: &DeltaTable) -> Result<Writer, DeltaTableError> {
    let metadata = table.snapshot()?.metadata();
    let schema = Arc::new((&metadata.parse_schema()?).try_into_arrow()?);
    let partition_columns = metadata.partition_columns().to_vec();
    Ok(Writer::new(schema, partition_columns, metadata.configuration(), table.object_store())?)
}
