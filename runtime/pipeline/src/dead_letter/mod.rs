//! Rejected records, with all that is needed to understand and replay them: raw bytes, position, reason, and the exact
//! transform, configuration and limits that judged. The dead-letter table is a Delta table like any other, with its own
//! ledger, so that a replay buries nothing twice.
//!
//! - [`layout`](self): the table's columns; [`reason`](Reason): why; [`Terms`]: under which configuration and limits;
//! - [`Archive`]: the transforms themselves, kept beside the table by their digest;
//! - [`Letters`]: the table read back, [`Letter`] by letter, as a [`Selection`] asks for.
//!
//! What happens to dead letters later (redrive, discard) is [`crate::redrive`]'s.

mod archive;
mod change;
mod correlation;
pub(crate) mod layout;
mod letter;
mod letters;
mod reason;
mod selection;
mod terms;
mod topic;

pub use archive::{Archive, ArchiveError};
pub(crate) use change::{Change, RejectedAgain, amended};
pub use layout::shape;
pub(crate) use letter::LetterKey;
pub use letter::{Headers, Headline, Letter, Status};
pub use letters::{Found, Letters};
pub use reason::{Reason, Stage};
pub use selection::{Selection, SelectionError, Span, moment};
use sluicebox_sandbox::planted::{Bug, planted};
use sluicebox_sandbox::{Batch, Transform};
pub use terms::Terms;

pub(crate) use self::layout::Letterhead;
use self::topic::Topic;
use crate::error::PipelineError;
use crate::judge::Judged;
use crate::ledger::Departure;
use crate::position::TopicPartition;
use crate::settings::{Settings, SourceSettings};
use crate::sink::Table;

/// What a dead-letter table is called in messages.
pub(crate) const NAME: &str = "dead_letters";

/// The dead-letter table of a pipeline, as the walk fills it.
pub struct DeadLetters {
    /// The table itself.
    pub table: Table,
    head: Letterhead,
    topic: Option<Topic>,
}

impl DeadLetters {
    /// Opens or creates the dead-letter table, and archives the transform beside it.
    pub async fn open(settings: &Settings, transform: &Transform) -> Result<Self, PipelineError> {
        let table = Table::open(&settings.name, NAME, &settings.dead_letters.path, &shape()).await?;
        Archive::beside(&table).keep(transform).await?;
        let head = Letterhead::of(settings, transform)?;
        let topic = match (&settings.dead_letters.topic, &settings.source) {
            (Some(topic), SourceSettings::Kafka(source)) => Some(Topic::connect(topic, source)?),
            _ => None,
        };
        Ok(Self { table, head, topic })
    }

    /// Archives a transform that will judge beside the one that the table was opened for, and gives it a letterhead.
    pub(crate) async fn introduce(settings: &Settings, transform: &Transform) -> Result<Letterhead, PipelineError> {
        let table = Table::open(&settings.name, NAME, &settings.dead_letters.path, &shape()).await?;
        Archive::beside(&table).keep(transform).await?;
        Letterhead::of(settings, transform)
    }

    /// Checks an existing dead-letter table without creating or changing anything.
    pub async fn check(location: &str) -> Result<(), PipelineError> {
        Table::check(NAME, location, &shape()).await
    }

    /// Lays out rejected records of `batch` that the table does not have yet; [`Self::bury`] makes them durable. `judge` is
    /// the head of another transform, if that has judged them.
    pub(crate) async fn stage(
        &mut self,
        batch: &Batch,
        judged: &Judged,
        judge: Option<&Letterhead>,
    ) -> Result<(), PipelineError> {
        let partition = TopicPartition::new(batch.topic.clone(), batch.partition);
        self.table.account(&partition, &batch.offsets[..judged.verdicts.len()], &judged.verdicts);
        if let Some(judge) = judge {
            self.table.note_judge(&partition, &judge.transform_digest);
        }
        let head = judge.unwrap_or(&self.head);
        let ledger = self.table.ledger();
        let new: Vec<&Reason> = judged
            .reasons
            .iter()
            .filter(|reason| planted(Bug::BuriesTwice) || !ledger.has(&partition, batch.offsets[reason.record]))
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        if let Some(topic) = &self.topic {
            topic.send(head, batch, &new)?;
        }
        let rows = head.rows(self.table.schema(), batch, &new);
        let rows = rows.map_err(|error| self.table.arrow_error("laying out dead letters", error))?;
        self.table.stage(rows).await
    }

    /// Notes where partitions set out from; see [`Table::depart`].
    pub async fn depart(&mut self, departures: &[Departure]) -> Result<(), PipelineError> {
        self.table.depart(departures, &self.head.transform_digest).await
    }

    /// Makes durable what was laid out: in the topic, if there is one, and then in the table, whose ledger moves on.
    pub async fn bury(&mut self) -> Result<(), PipelineError> {
        if let Some(topic) = &self.topic {
            topic.flush()?;
        }
        self.table.commit(&self.head.transform_digest).await
    }
}
