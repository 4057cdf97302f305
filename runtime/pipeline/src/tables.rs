//! The tables that a transform writes to: each outcome decoded for all of them before a row is staged in any, so that a
//! record with one row that does not fit becomes a dead letter as a whole.

use std::collections::BTreeMap;

use sluicebox_sandbox::{Batch, Outcome, TableRows, Transform, Verdict};

use crate::dead_letter::{Reason, Stage};
use crate::error::PipelineError;
use crate::ledger::{Departure, Ledger};
use crate::position::TopicPartition;
use crate::settings::{Settings, did_you_mean};
use crate::sink::{DecodedRows, RowDecoder, Shape, Table};

/// All tables of a transform, in the order in which it describes them.
pub struct Tables {
    tables: Vec<(Table, RowDecoder)>,
    transform_digest: String,
}

/// What became of each record of a batch, with the schema's word included.
pub struct Judged {
    /// One per record.
    pub verdicts: Vec<Verdict>,
    /// One per rejected record, in order.
    pub reasons: Vec<Reason>,
}

impl Tables {
    /// Opens or creates every table that `transform` describes, where `settings` say.
    pub async fn open(settings: &Settings, transform: &Transform) -> Result<Self, PipelineError> {
        let mut tables = Vec::new();
        for (name, location, shape, fields) in plan(settings, transform)? {
            let table = Table::open(&settings.name, &name, &location, &shape).await?;
            let decoder = RowDecoder::new(table.schema().clone(), &fields)
                .map_err(|error| table.arrow_error("matching its columns", error))?;
            tables.push((table, decoder));
        }
        Ok(Self { tables, transform_digest: transform.digest().to_string() })
    }

    /// The same checks as [`Self::open`], without creating anything.
    pub async fn check(settings: &Settings, transform: &Transform) -> Result<(), PipelineError> {
        for (name, location, shape, _) in plan(settings, transform)? {
            Table::check(&name, &location, &shape).await?;
        }
        Ok(())
    }

    /// Decodes what the transform returned, perhaps for the first records of the batch only, and stages the rows that
    /// their tables lack.
    pub async fn stage(&mut self, batch: &Batch, outcome: Outcome) -> Result<Judged, PipelineError> {
        let partition = TopicPartition::new(batch.topic.clone(), batch.partition);
        let mut judged =
            Judged { verdicts: outcome.verdicts, reasons: outcome.rejections.into_iter().map(Reason::from).collect() };
        let mut decoded = Vec::new();
        for rows in outcome.parts.into_iter().flat_map(|part| part.tables) {
            let index = rows.table;
            let rows = self.decode(rows, batch)?;
            decoded.push((index, rows));
        }
        judged.condemn_misfits(&decoded, &self.tables);
        for (index, mut rows) in decoded {
            let (table, _) = &mut self.tables[index];
            let (verdicts, ledger) = (&judged.verdicts, table.ledger());
            let is_wanted = |record: u32| {
                verdicts[record as usize] == Verdict::Emitted && !ledger.has(&partition, batch.offsets[record as usize])
            };
            rows.retain(is_wanted).map_err(|error| table.arrow_error("choosing rows", error))?;
            table.stage(rows.rows).await?;
        }
        for (table, _) in &mut self.tables {
            table.account(&partition, &batch.offsets[..judged.verdicts.len()], &judged.verdicts);
        }
        Ok(judged)
    }

    fn decode(&self, rows: TableRows, batch: &Batch) -> Result<DecodedRows, PipelineError> {
        let (table, decoder) = &self.tables[rows.table];
        decoder.decode(rows, batch).map_err(|error| table.arrow_error("decoding rows", error))
    }

    /// Commits each table; see [`Table::commit`].
    pub async fn commit(&mut self) -> Result<(), PipelineError> {
        for (table, _) in &mut self.tables {
            table.commit(&self.transform_digest).await?;
        }
        Ok(())
    }

    /// Notes in each table where partitions set out from; see [`Table::depart`].
    pub async fn depart(&mut self, departures: &[Departure]) -> Result<(), PipelineError> {
        for (table, _) in &mut self.tables {
            table.depart(departures, &self.transform_digest).await?;
        }
        Ok(())
    }

    /// Reads the ledgers of `partitions` in every table.
    pub async fn read_ledgers(&mut self, partitions: &[TopicPartition]) -> Result<(), PipelineError> {
        for (table, _) in &mut self.tables {
            table.read_ledger(partitions).await?;
        }
        Ok(())
    }

    /// The ledgers, one a table.
    pub fn ledgers(&self) -> impl Iterator<Item = &Ledger> + Clone {
        self.tables.iter().map(|(table, _)| table.ledger())
    }

    /// Rows staged since the last commit, in all tables.
    pub fn staged_rows(&self) -> u64 {
        self.tables.iter().map(|(table, _)| table.staged_rows()).sum()
    }

    /// Drops what is staged in every table.
    pub fn abandon(&mut self) {
        self.tables.iter_mut().for_each(|(table, _)| table.abandon());
    }

    /// Forgets partitions in every table.
    pub fn forget(&mut self, partitions: &[TopicPartition]) {
        self.tables.iter_mut().for_each(|(table, _)| table.forget(partitions));
    }
}

impl Judged {
    /// A record with a row that does not fit is rejected, whatever its other rows.
    fn condemn_misfits(&mut self, decoded: &[(usize, DecodedRows)], tables: &[(Table, RowDecoder)]) {
        let mut misfits = BTreeMap::new();
        for (index, rows) in decoded {
            for (record, message) in &rows.misfits {
                let table = tables[*index].0.name();
                misfits
                    .entry(*record as usize)
                    .or_insert_with(|| format!("a row for table `{table}` does not fit: {message}"));
            }
        }
        if misfits.is_empty() {
            return;
        }
        for (record, message) in misfits {
            self.verdicts[record] = Verdict::Rejected;
            let code = "schema_misfit".to_owned();
            self.reasons.push(Reason { record, stage: Stage::Schema, code, message, path: None, backtrace: None });
        }
        self.reasons.sort_by_key(|reason| reason.record);
    }
}

type Planned = (String, String, Shape, Vec<String>);

/// Name, location, shape and own columns of each table; an error if settings and transform name different ones.
fn plan(settings: &Settings, transform: &Transform) -> Result<Vec<Planned>, PipelineError> {
    let described = &transform.description().tables;
    let known: Vec<&str> = described.iter().map(|table| table.name.as_str()).collect();
    if let Some(unknown) = settings.tables.keys().find(|name| !known.contains(&name.as_str())) {
        let hint = did_you_mean(unknown, known.iter().copied())
            .map_or(String::new(), |name| format!("; did you mean `{name}`?"));
        let known = known.join("`, `");
        return Err(PipelineError::Settings(format!(
            "`tables.{unknown}`: the transform has no table of this name, but `{known}`{hint}"
        )));
    }
    let mut planned = Vec::new();
    for table in described {
        let name = &table.name;
        let Some(place) = settings.tables.get(name) else {
            return Err(PipelineError::Settings(format!(
                "`tables.{name}` is missing: the transform writes to a table `{name}`; add `{name}: {{path: …}}` under `tables`"
            )));
        };
        let shape = Shape::of(table, settings.provenance).map_err(|error| {
            PipelineError::Settings(format!("table `{name}` of the transform is no legal Delta table: {error}"))
        })?;
        let fields = table.fields.iter().map(|field| field.name.clone()).collect();
        planned.push((name.clone(), place.path.clone(), shape, fields));
    }
    Ok(planned)
}
