//! What a transform makes of sample records: one judgement a record, in a form that can be shown and compared.
//!
//! Runs the sandbox as the pipeline does, in batches, and looks whether the rows fit the tables that the transform describes.
//! Knows no Kafka, and no table that exists.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sluicebox_ledger::Reason;
use sluicebox_pipeline::decoders::Decoders;
use sluicebox_sandbox::{Transform, Verdict, Worker};

use crate::cells::{quoted, rows_as_json};
use crate::commands::run::blamed;
use crate::exit::{Blame as _, Failure};
use crate::samples::Samples;

/// What became of one record.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Judgement {
    /// Rows by table, each a JSON object as text.
    Rows(BTreeMap<String, Vec<String>>),
    /// No rows, deliberately.
    Filtered,
    /// A dead letter.
    Rejected(Reason),
}

/// How long an instance of the transform lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Instance {
    /// From batch to batch, as in the pipeline when all goes well.
    Reused,
    /// For one batch, as after a trap.
    Fresh,
}

/// A transform with its configuration, ready to be tried.
#[derive(Clone, Copy)]
pub(crate) struct Trial<'a> {
    pub(crate) transform: &'a Transform,
    /// A JSON object.
    pub(crate) configuration: &'a str,
}

impl Trial<'_> {
    /// Judges the records, in batches that also end before each index of `cuts`.
    pub(crate) fn judge(
        &self,
        samples: &Samples,
        cuts: &[usize],
        instance: Instance,
    ) -> Result<Vec<Judgement>, Failure> {
        let mut worker = self.start()?;
        let decoders = Decoders::alone(self.transform, false).map_err(blamed)?;
        let tables = &self.transform.description().tables;
        let mut judgements = Vec::with_capacity(samples.len());
        for batch in samples.batches(cuts) {
            if instance == Instance::Fresh {
                worker = self.start()?;
            }
            let outcome = worker.process(&batch).environment("the sandbox failed")?;
            let mut rows: Vec<BTreeMap<String, Vec<String>>> = vec![BTreeMap::new(); batch.len()];
            for table_rows in outcome.parts.iter().flat_map(|part| &part.tables) {
                let Some(table) = tables.get(table_rows.table) else { continue };
                let texts = rows_as_json(table, &table_rows.rows, table_rows.records.len());
                for (record, text) in table_rows.records.iter().zip(texts) {
                    // Within the batch: the sandbox has checked the index.
                    rows[*record as usize].entry(table.name.clone()).or_default().push(text);
                }
            }
            let judged = decoders.verdicts(&batch, outcome).map_err(blamed)?;
            let mut reasons = judged.reasons.into_iter();
            judgements.extend(judged.verdicts.iter().zip(rows).map(|(verdict, rows)| match verdict {
                Verdict::Emitted => Judgement::Rows(rows),
                Verdict::Filtered => Judgement::Filtered,
                // Sandbox and decoders give one reason for each rejected record, in their order.
                Verdict::Rejected => reasons.next().map_or(Judgement::Filtered, Judgement::Rejected),
            }));
        }
        Ok(judgements)
    }

    fn start(&self) -> Result<Worker, Failure> {
        self.transform.worker(self.configuration).usage("the transform cannot be configured")
    }
}

impl Judgement {
    /// The judgement as a line of expected results, columns in the transform's order.
    pub(crate) fn line(&self, offset: i64) -> String {
        match self {
            Judgement::Rows(tables) => {
                let tables: Vec<String> =
                    tables.iter().map(|(table, rows)| format!("{}:[{}]", quoted(table), rows.join(","))).collect();
                format!("{{\"offset\":{offset},\"rows\":{{{}}}}}", tables.join(","))
            }
            Judgement::Filtered => format!("{{\"offset\":{offset},\"filtered\":true}}"),
            Judgement::Rejected(reason) => {
                let code = quoted(&reason.code);
                let path = reason.path.as_ref().map(|path| format!(",\"path\":{}", quoted(path))).unwrap_or_default();
                format!("{{\"offset\":{offset},\"rejected\":{{\"code\":{code}{path}}}}}")
            }
        }
    }

    /// The judgement as a value to compare, with all that a rejection says.
    pub(crate) fn value(&self) -> Value {
        match self {
            Judgement::Rows(tables) => {
                let tables =
                    tables.iter().map(|(table, rows)| (table.clone(), rows.iter().map(|row| parsed(row)).collect()));
                let tables: serde_json::Map<String, Value> = tables.collect();
                json!({ "rows": tables })
            }
            Judgement::Filtered => json!({ "filtered": true }),
            Judgement::Rejected(Reason { code, message, path, .. }) => {
                json!({ "rejected": { "code": code, "message": message, "path": path } })
            }
        }
    }

    /// The number of rows.
    pub(crate) fn row_count(&self) -> usize {
        match self {
            Judgement::Rows(tables) => tables.values().map(Vec::len).sum(),
            _ => 0,
        }
    }
}

fn parsed(row: &str) -> Value {
    serde_json::from_str(row).unwrap_or_else(|_| Value::from(row))
}

/// How many records became what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) records: usize,
    pub(crate) rows: usize,
    pub(crate) filtered: usize,
    pub(crate) rejected: usize,
}

impl Tally {
    pub(crate) fn of(judgements: &[Judgement]) -> Tally {
        let mut tally = Tally { records: judgements.len(), ..Tally::default() };
        for judgement in judgements {
            match judgement {
                Judgement::Rows(_) => tally.rows += judgement.row_count(),
                Judgement::Filtered => tally.filtered += 1,
                Judgement::Rejected(_) => tally.rejected += 1,
            }
        }
        tally
    }
}
