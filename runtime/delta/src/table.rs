//! One Delta table: open or create it, read its ledger, and stage rows as Parquet files that no reader sees until
//! [`commit`](super::commit) makes them visible. Knows nothing of Kafka or of transforms.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use deltalake::DeltaTableError;
use deltalake::kernel::Add;
use deltalake::logstore::{LogStore as _, LogStoreRef};
use sluicebox_ledger::{Ledger, Tally, TopicPartition, app_id, topic_id_app_id};
use sluicebox_sandbox::Verdict;

use crate::error::STAGING;
use crate::gather::Gather;
use crate::head::{Head, Traits};
use crate::open::{self, Named, Opened};
use crate::shape::Shape;
use crate::staging_age::StagingAge;
use crate::upkeep::Upkeep;
use crate::writer::Writer;
use crate::{TableError, wall_clock};

pub use crate::open::{LEDGER_RETENTION_PROPERTY, TableLog, find_log, probe, table_error};

/// A Delta table that a pipeline writes to.
pub struct Table {
    pub(super) name: String,
    pub(super) location: String,
    pub(super) pipeline: String,
    shape: Shape,
    pub(super) log_store: LogStoreRef,
    /// The version that the ledger was read from, and that the next commit is made from.
    pub(super) head: Head,
    /// What staged rows are laid out for.
    judged: Arc<Traits>,
    pub(super) upkeep: Upkeep,
    pub(super) ledger: Ledger,
    pub(super) tally: Tally,
    pub(super) staged_rows: u64,
    pub(super) staging_age: StagingAge,
    gather: Gather,
    writer: Writer,
    /// Files that wait for their commit.
    pub(super) finished: Vec<Add>,
}

impl Table {
    /// Opens the table at `location`, a folder or URL. Creates it if it does not exist; refuses one that does not fit.
    pub async fn open(pipeline: &str, name: &str, location: &str, shape: &Shape) -> Result<Self, TableError> {
        let table = Named { name, location };
        let opened = match open::find(table).await? {
            Some(opened) => opened,
            None => open::create(table, shape).await?,
        };
        Self::of(pipeline, table, opened, shape)
    }

    /// The table at `location` if it exists. Refuses one that does not fit; creates nothing.
    pub async fn find(pipeline: &str, name: &str, location: &str, shape: &Shape) -> Result<Option<Self>, TableError> {
        let table = Named { name, location };
        let opened = open::find(table).await?;
        opened.map(|opened| Self::of(pipeline, table, opened, shape)).transpose()
    }

    fn of(pipeline: &str, table: Named<'_>, opened: Opened, shape: &Shape) -> Result<Self, TableError> {
        let Opened { log_store, head } = opened;
        open::require_writable(table, &head, shape)?;
        open::require_lasting_ledger(table, &head)?;
        let writer = writer(&log_store, &head).map_err(table.failed("preparing to write"))?;
        Ok(Self {
            name: table.name.to_owned(),
            location: table.location.to_owned(),
            pipeline: pipeline.to_owned(),
            shape: shape.clone(),
            log_store,
            judged: Arc::clone(&head.traits),
            head,
            upkeep: Upkeep::default(),
            ledger: Ledger::default(),
            tally: Tally::default(),
            staged_rows: 0,
            staging_age: StagingAge::default(),
            gather: Gather::default(),
            writer,
            finished: Vec::new(),
        })
    }

    /// Checks an existing table against `shape` without creating or changing anything, and returns its identity. A missing
    /// table passes.
    pub async fn check(name: &str, location: &str, shape: &Shape) -> Result<Option<Identity>, TableError> {
        let table = Named { name, location };
        let Some(opened) = open::find(table).await? else { return Ok(None) };
        open::require_writable(table, &opened.head, shape)?;
        open::require_lasting_ledger(table, &opened.head)?;
        Ok(Some(Identity::of(table, &opened.head)))
    }

    /// What tells the table from others of its pipeline.
    pub fn identity(&self) -> Identity {
        Identity::of(self.named(), &self.head)
    }

    /// The columns of the table at `location`, or those that it would be created with.
    pub async fn peek(name: &str, location: &str, shape: &Shape) -> Result<SchemaRef, TableError> {
        let table = Named { name, location };
        let schema = match open::find(table).await? {
            Some(opened) => {
                open::require_writable(table, &opened.head, shape)?;
                open::arrow_schema(&opened.head)
            }
            None => shape.arrow_schema().map_err(DeltaTableError::from),
        };
        schema.map_err(table.failed("reading its schema"))
    }

    /// The ledger of `partitions` in the table at `location`, for commands that only read; empty if there is no table.
    pub async fn ledger_of(
        pipeline: &str,
        name: &str,
        location: &str,
        partitions: &[TopicPartition],
    ) -> Result<Ledger, TableError> {
        let opened = open::find(Named { name, location }).await?;
        Ok(opened.map(|opened| ledger(&opened.head, pipeline, partitions)).unwrap_or_default())
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

    /// The table's ledger, as of the snapshot that the next commit is made from.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Counts records of a partition towards the next commit, without those that the table has already.
    pub fn account(&mut self, partition: &TopicPartition, offsets: &[i64], verdicts: &[Verdict]) {
        let next = self.ledger.next(partition);
        // Offsets of a batch only grow, but may have gaps: a search, because `next - offsets[0]` would miscount.
        let first = next.map_or(0, |next| offsets.partition_point(|&offset| offset < next));
        if let Some(&offset) = offsets.get(first) {
            // From `next`, not from the first offset: compaction and transaction markers may leave a gap, and ranges
            // have to join.
            self.tally.count(partition, next.unwrap_or(offset), &offsets[first..], &verdicts[first..]);
        }
    }

    /// Takes in the offsets of a partition below `to` with the next commit. No record that the table lacks may have one of them,
    /// but for those that are counted already.
    pub fn pass_over(&mut self, partition: &TopicPartition, to: i64) {
        if let Some(next) = self.ledger.next(partition).filter(|next| *next < to) {
            self.tally.pass_over(partition, next, to);
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

    /// Adds `partitions` to those of this worker, and reads their ledger from the newest version. Call it only with nothing
    /// staged: staged rows were compared with the older ledger, and laid out for the older columns.
    pub async fn read_ledger(&mut self, partitions: &[TopicPartition]) -> Result<(), TableError> {
        self.refresh(partitions).await.map_err(|source| self.error("reading the ledger", source))?;
        self.require_same_table()?;
        if self.judged != self.head.traits {
            open::require_writable(self.named(), &self.head, &self.shape)?;
            self.writer = writer(&self.log_store, &self.head).map_err(self.named().failed("preparing to write"))?;
            self.judged = Arc::clone(&self.head.traits);
        }
        self.require_lasting_ledger()
    }

    /// Refuses a table that has taken the place of the one that this worker opened.
    fn require_same_table(&self) -> Result<(), TableError> {
        let (was, is) = (self.judged.metadata.id(), self.head.traits.metadata.id());
        match was == is {
            true => Ok(()),
            false => Err(TableError::Replaced {
                table: self.name.clone(),
                location: self.location.clone(),
                was: was.to_owned(),
                is: is.to_owned(),
            }),
        }
    }

    /// Refuses to commit rows that were staged for other columns, properties or features than the table has now.
    pub(super) fn require_unchanged(&self) -> Result<(), TableError> {
        self.require_same_table()?;
        match self.judged == self.head.traits {
            true => Ok(()),
            false => Err(TableError::Changed { table: self.name.clone() }),
        }
    }

    /// Waits for the upkeep of the table's log that is under way.
    pub async fn settle(&mut self) {
        self.upkeep.settle().await;
    }

    /// Refuses a table that may drop its `txn` actions: without them it would take in records a second time.
    pub(super) fn require_lasting_ledger(&self) -> Result<(), TableError> {
        open::require_lasting_ledger(self.named(), &self.head)
    }

    /// Loads the newest version and reads from it the ledger of every partition of this worker, `more` included. It must be
    /// all of them: a ledger from an older version must not be committed on top of a newer one.
    pub(super) async fn refresh(&mut self, more: &[TopicPartition]) -> Result<(), DeltaTableError> {
        self.head = self.head.advanced(&self.log_store).await?;
        let partitions: Vec<TopicPartition> = self.ledger.partitions().chain(more).cloned().collect();
        self.ledger = ledger(&self.head, &self.pipeline, &partitions);
        Ok(())
    }

    /// Stages rows: writes them into a file that no reader sees before the commit.
    pub async fn stage(&mut self, rows: RecordBatch) -> Result<(), TableError> {
        if rows.num_rows() == 0 {
            return Ok(());
        }
        // Before the write, which may fail halfway: rows that may be in a file count as staged, and `abandon` drops
        // them.
        self.staged_rows += rows.num_rows() as u64;
        self.staging_age.stage(wall_clock::now());
        let gathered = self.gather.push(rows);
        self.write(gathered).await.map_err(|source| self.error(STAGING, source))
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
        self.finished.clear();
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
        self.named().failed(doing)(source)
    }

    pub(super) fn named(&self) -> Named<'_> {
        Named { name: &self.name, location: &self.location }
    }
}

/// What tells a table from another, however its location is spelt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    id: String,
    name: String,
    location: String,
}

impl Identity {
    fn of(table: Named<'_>, head: &Head) -> Self {
        let id = head.traits.metadata.id().to_owned();
        Self { id, name: table.name.to_owned(), location: table.location.to_owned() }
    }

    /// Refuses two tables of a pipeline that have one id. Each would take the other's ledger for its own, and miss all the
    /// records that only the other has.
    pub fn require_distinct(tables: &[Identity]) -> Result<(), TableError> {
        for (index, table) in tables.iter().enumerate() {
            if let Some(other) = tables[..index].iter().find(|other| other.id == table.id) {
                return Err(TableError::OneTable {
                    table: other.name.clone(),
                    location: other.location.clone(),
                    other: table.name.clone(),
                    other_location: table.location.clone(),
                });
            }
        }
        Ok(())
    }
}

/// The ledger of `partitions` in a version of a table.
fn ledger(head: &Head, pipeline: &str, partitions: &[TopicPartition]) -> Ledger {
    let mut ledger = Ledger::default();
    for partition in partitions {
        let next = head.transaction(&app_id(pipeline, partition));
        let topic_id = head.transaction(&topic_id_app_id(pipeline, partition));
        ledger.set(partition.clone(), next, topic_id);
    }
    ledger
}

fn writer(log_store: &LogStoreRef, head: &Head) -> Result<Writer, DeltaTableError> {
    let metadata = &head.traits.metadata;
    let partition_columns = metadata.partition_columns().to_vec();
    let store = log_store.object_store(None);
    Ok(Writer::new(open::arrow_schema(head)?, partition_columns, metadata.configuration(), store)?)
}
