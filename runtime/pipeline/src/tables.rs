//! The tables that a transform writes to, staged and committed together. What becomes of each record, the `decoders` say.

use sluicebox_delta::dead_letter::{DeadLetters, JudgedBy};
use sluicebox_delta::{Identity, RowDecoder, Table};
use sluicebox_ledger::{Judged, Ledger, PartitionStart, Reason, TopicPartition};
use sluicebox_sandbox::{Batch, Outcome, Transform, Verdict};
use sluicebox_settings::Settings;

use crate::decoders::{Decoded, Decoders};
use crate::error::PipelineError;
use crate::plan::plan;

/// All tables of a transform, in the order in which it describes them.
pub struct Tables {
    tables: Vec<Table>,
    decoders: Decoders,
    transform_digest: String,
}

impl Tables {
    /// Opens or creates every table that `transform` describes, where `settings` say.
    pub async fn open(settings: &Settings, transform: &Transform) -> Result<Self, PipelineError> {
        let (mut tables, mut decoders) = (Vec::new(), Vec::new());
        for (name, location, shape, fields) in plan(settings, transform)? {
            let table = Table::open(&settings.name, &name, &location, &shape).await?;
            let decoder = RowDecoder::new(table.schema().clone(), &fields, &shape.partition_columns)
                .map_err(|error| table.arrow_error("matching its columns", error))?;
            tables.push(table);
            decoders.push((name, decoder));
        }
        Ok(Self { tables, decoders: Decoders::new(decoders), transform_digest: transform.digest().to_string() })
    }

    /// The same checks as [`Self::open`], without creating anything; and those of the dead-letter table.
    pub async fn check(settings: &Settings, transform: &Transform) -> Result<(), PipelineError> {
        let mut identities = Vec::new();
        for (name, location, shape, _) in plan(settings, transform)? {
            identities.extend(Table::check(&name, &location, &shape).await?);
        }
        identities.extend(DeadLetters::check(&settings.dead_letters.path).await?);
        Ok(Identity::require_distinct(&identities)?)
    }

    /// Refuses tables that are one, the dead-letter table among them.
    pub fn require_distinct(&self, dead_letters: &DeadLetters) -> Result<(), PipelineError> {
        let all = self.tables.iter().chain([&dead_letters.table]);
        Ok(Identity::require_distinct(&all.map(Table::identity).collect::<Vec<_>>())?)
    }

    /// Rejects all records of a batch for `reasons`, one a record: the transform does not see them.
    pub fn reject(&mut self, batch: &Batch, reasons: Vec<Reason>) -> Judged {
        let partition = TopicPartition::new(batch.topic.clone(), batch.partition);
        let judged = Judged { verdicts: vec![Verdict::Rejected; batch.len()], reasons };
        for table in &mut self.tables {
            table.account(&partition, &batch.offsets, &judged.verdicts);
        }
        judged
    }

    /// Decodes what the transform returned, perhaps for the first records of the batch only, and stages the rows that
    /// their tables lack.
    ///
    /// `judged_by` names the canary that judged them; none: the transform that the tables were opened for.
    pub async fn stage(
        &mut self,
        batch: &Batch,
        outcome: Outcome,
        judged_by: Option<&JudgedBy>,
    ) -> Result<Judged, PipelineError> {
        let partition = TopicPartition::new(batch.topic.clone(), batch.partition);
        let (judged, decoded) = self.decoders.judge(batch, outcome)?;
        self.stage_decoded(decoded, |table, record| {
            let is_good = judged.verdicts[record] == Verdict::Emitted;
            let has = table.ledger().has(&partition, batch.offsets[record]);
            is_good && !has
        })
        .await?;
        for table in &mut self.tables {
            table.account(&partition, &batch.offsets[..judged.verdicts.len()], &judged.verdicts);
            if let Some(canary) = judged_by {
                table.note_judge(&partition, &canary.transform_digest);
            }
        }
        Ok(judged)
    }

    /// Stages rows for a redrive, without a look at the ledgers; `has` says which tables have them already. Says how many rows
    /// each table was given.
    pub(crate) async fn stage_claimed(
        &mut self,
        batch: &Batch,
        outcome: Outcome,
        has: &[bool],
    ) -> Result<(Judged, Vec<u64>), PipelineError> {
        let before: Vec<u64> = self.tables.iter().map(Table::staged_rows).collect();
        let (judged, mut decoded) = self.decoders.judge(batch, outcome)?;
        decoded.retain(|(index, _)| !has[*index]);
        self.stage_decoded(decoded, |_, record| judged.verdicts[record] == Verdict::Emitted).await?;
        let rows = self.tables.iter().zip(before).map(|(table, before)| table.staged_rows() - before);
        Ok((judged, rows.collect()))
    }

    /// The transform whose rows they take.
    pub(crate) fn transform_digest(&self) -> &str {
        &self.transform_digest
    }

    /// The tables, one by one.
    pub(crate) fn each(&mut self) -> &mut [Table] {
        &mut self.tables
    }

    /// Stages the rows of those records that `is_wanted` wants in a table.
    async fn stage_decoded(
        &mut self,
        decoded: Vec<Decoded>,
        is_wanted: impl Fn(&Table, usize) -> bool,
    ) -> Result<(), PipelineError> {
        for (index, mut rows) in decoded {
            #[cfg(test)]
            crate::injected::panic_over(&rows.rows);
            let table = &mut self.tables[index];
            rows.retain(|record| is_wanted(table, record as usize))
                .map_err(|error| table.arrow_error("choosing rows", error))?;
            table.stage(rows.rows).await?;
        }
        Ok(())
    }

    /// Finishes the files of each table; see [`Table::finish`].
    pub async fn finish(&mut self) -> Result<(), PipelineError> {
        for table in &mut self.tables {
            table.finish().await?;
        }
        Ok(())
    }

    /// Takes in offsets that no record has; see [`Table::pass_over`].
    pub fn pass_over(&mut self, partition: &TopicPartition, to: i64) {
        self.tables.iter_mut().for_each(|table| table.pass_over(partition, to));
    }

    /// Commits each table; see [`Table::commit`].
    pub async fn commit(&mut self) -> Result<(), PipelineError> {
        for table in &mut self.tables {
            table.commit(&self.transform_digest).await?;
        }
        Ok(())
    }

    /// Notes in each table where partitions set out from; see [`Table::depart`].
    pub async fn note_starts(&mut self, starts: &[PartitionStart]) -> Result<(), PipelineError> {
        for table in &mut self.tables {
            table.note_starts(starts, &self.transform_digest).await?;
        }
        Ok(())
    }

    /// Reads the ledgers of `partitions` in every table.
    pub async fn read_ledgers(&mut self, partitions: &[TopicPartition]) -> Result<(), PipelineError> {
        for (index, table) in self.tables.iter_mut().enumerate() {
            table.read_ledger(partitions).await?;
            let followed = self.decoders.follow(index, table.schema());
            followed.map_err(|error| table.arrow_error("matching its columns", error))?;
        }
        Ok(())
    }

    /// Waits for the upkeep of the tables' logs that is under way.
    pub async fn settle(&mut self) {
        for table in &mut self.tables {
            table.settle().await;
        }
    }

    /// The ledgers, one a table.
    pub fn ledgers(&self) -> impl Iterator<Item = &Ledger> + Clone {
        self.tables.iter().map(Table::ledger)
    }

    /// Rows staged since the last commit, in all tables.
    pub fn staged_rows(&self) -> u64 {
        self.tables.iter().map(Table::staged_rows).sum()
    }

    /// Drops what is staged in every table.
    pub fn abandon(&mut self) {
        self.tables.iter_mut().for_each(Table::abandon);
    }

    /// Forgets partitions in every table.
    pub fn forget(&mut self, partitions: &[TopicPartition]) {
        self.tables.iter_mut().for_each(|table| table.forget(partitions));
    }
}
