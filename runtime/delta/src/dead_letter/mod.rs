//! Dead letters: rejected records, with all that is needed to understand and replay them. That is their raw bytes, position
//! and reason, and the exact transform, configuration and limits that judged them. The dead-letter table is a Delta table
//! like the others, with its own ledger, so that a replay buries nothing twice.
//!
//! - [`columns`]: the table's columns; [`Reason`]: why a record was rejected; [`ReplayContext`]: with which configuration and
//!   limits;
//! - [`Archive`]: the transforms themselves, stored beside the table by their digest;
//! - [`Letters`]: the table read back, one [`Letter`] at a time, filtered by a [`Selection`].
//!
//! Knows nothing of redrive and discard: the pipeline's `redrive` module does these.

mod archive;
mod change;
pub mod columns;
mod copies;
mod correlation;
mod letter;
mod letters;
mod replay_context;
mod selection;

use std::sync::Arc;

use sluicebox_ledger::{Judged, PartitionStart, Reason, TopicPartition};
use sluicebox_sandbox::{Batch, Transform};
use sluicebox_settings::Settings;

use crate::{Identity, Table, TableError};

pub use self::columns::JudgedBy;
pub use crate::archive_error::ArchiveError;
pub use archive::Archive;
pub use change::{LetterChange, RejectedAgain, amended};
pub use columns::shape;
pub use copies::Copies;
pub use letter::{Headers, Letter, LetterKey, Status, Summary};
pub use letters::{FoundLetter, Letters};
pub use replay_context::ReplayContext;
pub use selection::{Selection, SelectionError, Span, moment};

/// The name of the dead-letter table in messages.
pub const NAME: &str = "dead_letters";

/// The dead-letter table of a pipeline, as the walk fills it.
pub struct DeadLetters {
    /// The table itself.
    pub table: Table,
    judged_by: JudgedBy,
    copies: Option<Arc<dyn Copies>>,
}

impl DeadLetters {
    /// Opens or creates the dead-letter table, and archives the transform beside it.
    pub async fn open(settings: &Settings, transform: &Transform) -> Result<Self, TableError> {
        let table = Table::open(&settings.name, NAME, &settings.dead_letters.path, &shape()).await?;
        // Before the first letter: a letter whose transform is missing could never be replayed.
        Archive::beside(&table).keep(transform).await?;
        let judged_by = JudgedBy::of(settings, transform)?;
        Ok(Self { table, judged_by, copies: None })
    }

    /// Sends copies of the dead letters to `copies`, if there is a receiver.
    #[must_use]
    pub fn with_copies(mut self, copies: Option<Arc<dyn Copies>>) -> Self {
        self.copies = copies;
        self
    }

    /// The receiver of copies, if there is one.
    pub fn copies(&self) -> Option<Arc<dyn Copies>> {
        self.copies.clone()
    }

    /// Archives a further transform that will judge, and returns what its dead letters will have in common.
    pub async fn introduce(settings: &Settings, transform: &Transform) -> Result<JudgedBy, TableError> {
        let table = Table::open(&settings.name, NAME, &settings.dead_letters.path, &shape()).await?;
        Archive::beside(&table).keep(transform).await?;
        JudgedBy::of(settings, transform)
    }

    /// Checks an existing dead-letter table without creating or changing anything.
    pub async fn check(location: &str) -> Result<Option<Identity>, TableError> {
        Table::check(NAME, location, &shape()).await
    }

    /// Stages the rejected records of `batch` that the table does not have yet; [`Self::bury`] makes them durable. `judge` is
    /// set if another transform than the one that the table was opened for has judged them.
    pub async fn stage(&mut self, batch: &Batch, judged: &Judged, judge: Option<&JudgedBy>) -> Result<(), TableError> {
        let partition = TopicPartition::new(batch.topic.clone(), batch.partition);
        self.table.account(&partition, &batch.offsets[..judged.verdicts.len()], &judged.verdicts);
        if let Some(judge) = judge {
            self.table.note_judge(&partition, &judge.transform_digest);
        }
        let judged_by = judge.unwrap_or(&self.judged_by);
        // After a crash between the tables' commits the walk reads records again whose letters are here already.
        let ledger = self.table.ledger();
        let new: Vec<&Reason> =
            judged.reasons.iter().filter(|reason| !ledger.has(&partition, batch.offsets[reason.record])).collect();
        if new.is_empty() {
            return Ok(());
        }
        if let Some(copies) = &self.copies {
            copies.send(judged_by, batch, &new)?;
        }
        let rows = judged_by.rows(self.table.schema(), batch, &new);
        let rows = rows.map_err(|error| self.table.arrow_error("laying out dead letters", error))?;
        self.table.stage(rows).await
    }

    /// Records where partitions start; see [`Table::note_starts`].
    pub async fn note_starts(&mut self, starts: &[PartitionStart]) -> Result<(), TableError> {
        self.table.note_starts(starts, &self.judged_by.transform_digest).await
    }

    /// Makes the staged dead letters durable: first their copies, then the table, whose ledger advances.
    pub async fn bury(&mut self) -> Result<(), TableError> {
        if let Some(copies) = &self.copies {
            // The other way round, a crash in between would lose copies: the ledger would say that the letters are
            // done.
            copies.flush()?;
        }
        self.table.commit(&self.judged_by.transform_digest).await
    }
}
