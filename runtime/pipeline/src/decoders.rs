//! What becomes of each record of an outcome, with the tables' schemas considered: rows are decoded for all tables before one is
//! written to any, so that a record with one row that does not fit is rejected as a whole. Writes nothing.

use std::collections::BTreeMap;

use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use sluicebox_delta::{DecodedRows, RowDecoder, Shape, Table};
use sluicebox_ledger::{Judged, Reason, Stage};
use sluicebox_sandbox::{Batch, Outcome, Transform, Verdict};
use sluicebox_settings::Settings;

use crate::error::PipelineError;
use crate::plan::plan;

/// Decodes what a transform returns, for each of its tables.
pub struct Decoders {
    decoders: Vec<(String, RowDecoder)>,
}

/// Rows of one table, by its index; those of rejected records are still among them.
pub(crate) type Decoded = (usize, DecodedRows);

impl Decoders {
    pub(crate) fn new(decoders: Vec<(String, RowDecoder)>) -> Self {
        Self { decoders }
    }

    /// For the tables as they are, or as they would be made. Creates nothing.
    pub async fn of(settings: &Settings, transform: &Transform) -> Result<Self, PipelineError> {
        let mut decoders = Vec::new();
        for (name, location, shape, fields) in plan(settings, transform)? {
            let schema = Table::peek(&name, &location, &shape).await?;
            let decoder = RowDecoder::new(schema, &fields, &shape.partition_columns)
                .map_err(|error| PipelineError::Settings(format!("table `{name}`: matching its columns: {error}")))?;
            decoders.push((name, decoder));
        }
        Ok(Self { decoders })
    }

    /// For tables as the transform alone describes them, without a look at existing ones.
    pub fn alone(transform: &Transform, has_provenance: bool) -> Result<Self, PipelineError> {
        let mut decoders = Vec::new();
        for table in &transform.description().tables {
            let unfit = |error: String| {
                PipelineError::Settings(format!(
                    "table `{}` of the transform is not a legal Delta table: {error}",
                    table.name
                ))
            };
            let shape = Shape::of(table, has_provenance).map_err(|error| unfit(error.to_string()))?;
            let fields: Vec<String> = table.fields.iter().map(|field| field.name.clone()).collect();
            let decoder = shape.arrow_schema();
            let decoder = decoder.and_then(|schema| RowDecoder::new(schema, &fields, &shape.partition_columns));
            decoders.push((table.name.clone(), decoder.map_err(|error| unfit(error.to_string()))?));
        }
        Ok(Self { decoders })
    }

    /// Follows a table whose columns have changed.
    pub(crate) fn follow(&mut self, table: usize, schema: &SchemaRef) -> Result<(), ArrowError> {
        let (_, decoder) = &mut self.decoders[table];
        // Asked at each take-over, and nearly always unchanged.
        if decoder.table_schema() != schema {
            *decoder = decoder.for_table(schema.clone())?;
        }
        Ok(())
    }

    /// The name of a table.
    pub(crate) fn name(&self, table: usize) -> &str {
        &self.decoders[table].0
    }

    /// Decodes an outcome, perhaps of the first records of the batch only, and condemns the records whose rows do not fit.
    pub(crate) fn judge(&self, batch: &Batch, outcome: Outcome) -> Result<(Judged, Vec<Decoded>), PipelineError> {
        let mut judged =
            Judged { verdicts: outcome.verdicts, reasons: outcome.rejections.into_iter().map(Reason::from).collect() };
        let mut decoded = Vec::new();
        for rows in outcome.parts.into_iter().flat_map(|part| part.tables) {
            let index = rows.table;
            let (name, decoder) = &self.decoders[index];
            let rows = decoder.decode(rows, batch).map_err(|error| {
                PipelineError::sandbox(format!("the rows of table `{name}` cannot be decoded: {error}"))
            })?;
            decoded.push((index, rows));
        }
        self.condemn_misfits(&mut judged, &decoded);
        Ok((judged, decoded))
    }

    /// The verdicts alone.
    pub fn verdicts(&self, batch: &Batch, outcome: Outcome) -> Result<Judged, PipelineError> {
        Ok(self.judge(batch, outcome)?.0)
    }

    /// A record with a row that does not fit is rejected, even if its other rows fit.
    fn condemn_misfits(&self, judged: &mut Judged, decoded: &[Decoded]) {
        let mut misfits = BTreeMap::new();
        for (index, rows) in decoded {
            for (record, message) in &rows.misfits {
                let table = &self.decoders[*index].0;
                misfits
                    .entry(*record as usize)
                    // The first misfit of a record is enough: a record has one reason.
                    .or_insert_with(|| format!("a row for table `{table}` does not fit: {message}"));
            }
        }
        if misfits.is_empty() {
            return;
        }
        for (record, message) in misfits {
            judged.verdicts[record] = Verdict::Rejected;
            let code = "schema_misfit".to_owned();
            judged.reasons.push(Reason { record, stage: Stage::Schema, code, message, path: None, backtrace: None });
        }
        // The breaker and the dead letters take reasons in the order of their records.
        judged.reasons.sort_by_key(|reason| reason.record);
    }
}
