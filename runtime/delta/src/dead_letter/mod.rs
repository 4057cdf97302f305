//! Rejected records, with all that is needed to understand and replay them: raw bytes, position, reason, and the exact
//! transform, configuration and limits that judged. The dead-letter table is a Delta table like any other, with its own
//! ledger, so that a replay buries nothing twice.
//!
//! - [`columns`](self): the table's columns; [`reason`](Reason): why; [`ReplayContext`]: under which configuration and limits;
//! - [`Archive`]: the transforms themselves, kept beside the table by their digest;
//! - [`Letters`]: the table read back, [`Letter`] by letter, as a [`Selection`] asks for.
//!
//! What happens to dead letters later (redrive, discard) is [`sluicebox_pipeline::redrive`]'s.

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

use crate::{Table, TableError};

pub use self::columns::JudgedBy;
pub use archive::{Archive, ArchiveError};
pub use change::{Change, RejectedAgain, amended};
pub use columns::shape;
pub use copies::Copies;
pub use letter::{Headers, Letter, LetterKey, Status, Summary};
pub use letters::{Found, Letters};
pub use replay_context::ReplayContext;
pub use selection::{Selection, SelectionError, Span, moment};

/// What a dead-letter table is called in messages.
pub const NAME: &str = "dead_letters";

/// The dead-letter table of a pipeline, as the walk fills it.
pub struct DeadLetters {
    /// The table itself.
    pub table: Table,
    head: JudgedBy,
    copies: Option<Arc<dyn Copies>>,
}

impl DeadLetters {
    /// Opens or creates the dead-letter table, and archives the transform beside it.
    pub async fn open(settings: &Settings, transform: &Transform) -> Result<Self, TableError> {
        let table = Table::open(&settings.name, NAME, &settings.dead_letters.path, &shape()).await?;
        Archive::beside(&table).keep(transform).await?;
        let head = JudgedBy::of(settings, transform)?;
        Ok(Self { table, head, copies: None })
    }

    /// Sends copies of the dead letters there, too.
    #[must_use]
    pub fn with_copies(mut self, copies: Option<Arc<dyn Copies>>) -> Self {
        self.copies = copies;
        self
    }

    /// Where copies go.
    pub fn copies(&self) -> Option<Arc<dyn Copies>> {
        self.copies.clone()
    }

    /// Archives a transform that will judge beside the one that the table was opened for, and gives it a letterhead.
    pub async fn introduce(settings: &Settings, transform: &Transform) -> Result<JudgedBy, TableError> {
        let table = Table::open(&settings.name, NAME, &settings.dead_letters.path, &shape()).await?;
        Archive::beside(&table).keep(transform).await?;
        JudgedBy::of(settings, transform)
    }

    /// Checks an existing dead-letter table without creating or changing anything.
    pub async fn check(location: &str) -> Result<(), TableError> {
        Table::check(NAME, location, &shape()).await
    }

    /// Lays out rejected records of `batch` that the table does not have yet; [`Self::bury`] makes them durable. `judge` is
    /// the head of another transform, if that has judged them.
    pub async fn stage(&mut self, batch: &Batch, judged: &Judged, judge: Option<&JudgedBy>) -> Result<(), TableError> {
        let partition = TopicPartition::new(batch.topic.clone(), batch.partition);
        self.table.account(&partition, &batch.offsets[..judged.verdicts.len()], &judged.verdicts);
        if let Some(judge) = judge {
            self.table.note_judge(&partition, &judge.transform_digest);
        }
        let head = judge.unwrap_or(&self.head);
        let ledger = self.table.ledger();
        let new: Vec<&Reason> =
            judged.reasons.iter().filter(|reason| !ledger.has(&partition, batch.offsets[reason.record])).collect();
        if new.is_empty() {
            return Ok(());
        }
        if let Some(copies) = &self.copies {
            copies.send(head, batch, &new)?;
        }
        let rows = head.rows(self.table.schema(), batch, &new);
        let rows = rows.map_err(|error| self.table.arrow_error("laying out dead letters", error))?;
        self.table.stage(rows).await
    }

    /// Notes where partitions set out from; see [`Table::depart`].
    pub async fn note_starts(&mut self, starts: &[PartitionStart]) -> Result<(), TableError> {
        self.table.note_starts(starts, &self.head.transform_digest).await
    }

    /// Makes durable what was laid out: in the topic, if there is one, and then in the table, whose ledger moves on.
    pub async fn bury(&mut self) -> Result<(), TableError> {
        if let Some(copies) = &self.copies {
            copies.flush()?;
        }
        self.table.commit(&self.head.transform_digest).await
    }
}
