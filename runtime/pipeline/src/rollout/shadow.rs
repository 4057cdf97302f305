//! A candidate's verdicts and rows beside those that count: what it agrees on, where it differs, what it fails at, and how
//! long it takes. Compares and counts; writes nothing, and quotes no payload.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use sluicebox_ledger::{Judged, Stage, TopicPartition};
use sluicebox_sandbox::{Batch, Outcome, Transform, Verdict, Worker};
use sluicebox_settings::Settings;
use tracing::warn;

use crate::decoders::{Decoded, Decoders};
use crate::error::PipelineError;
use crate::health::{Comparison, Difference};
use crate::metrics;

/// How many differences are kept as samples.
const SAMPLES_MAX: usize = 10;
/// A candidate may take this many times as long as the transform that judges, and at least [`BUDGET_MIN`].
const BUDGET_FACTOR: u32 = 4;
const BUDGET_MIN: Duration = Duration::from_millis(200);

/// A candidate that gets copies.
pub(crate) struct Shadow {
    worker: Worker,
    share: Share,
    judging: Decoders,
    candidate: Decoders,
    comparison: Comparison,
}

/// Which batches are copied, so that their records make up a share of all.
struct Share {
    share: f64,
    /// Records that should have been copied by now, less those that were.
    owed: f64,
}

/// Rows of one side: record → table, by name → where each row is.
type Rows<'a> = BTreeMap<u32, BTreeMap<&'a str, Vec<Row<'a>>>>;
/// A record batch, and the row in it.
type Row<'a> = (&'a RecordBatch, usize);

impl Shadow {
    pub(crate) fn new(
        settings: &Settings,
        judging: &Transform,
        candidate: &Transform,
        worker: Worker,
        share: f64,
    ) -> Result<Self, PipelineError> {
        let judging = Decoders::alone(judging, settings.provenance)?;
        let candidate = Decoders::alone(candidate, settings.provenance)?;
        let share = Share { share, owed: 0.0 };
        Ok(Self { worker, share, judging, candidate, comparison: Comparison::default() })
    }

    pub(crate) fn share(&self) -> f64 {
        self.share.share
    }

    pub(crate) fn comparison(&self) -> &Comparison {
        &self.comparison
    }

    /// Whether it gets a copy of the next batch.
    pub(crate) fn wants(&mut self, records: usize) -> bool {
        self.share.wants(records)
    }

    /// Has the candidate judge the records that `outcome` is of, and compares. Its failures change nothing for the pipeline.
    pub(crate) fn compare(&mut self, batch: &Batch, outcome: Outcome, took: Duration) {
        // The judge may have run out of its turn; the candidate must not be asked for more than it answered.
        let batch = batch.slice(0..outcome.verdicts.len());
        #[expect(
            clippy::disallowed_methods,
            reason = "a guest takes real time, also in the simulation; this is only shown"
        )]
        let started = Instant::now();
        let tried = self.worker.process_for(&batch, (took * BUDGET_FACTOR).max(BUDGET_MIN));
        let (judging_seconds, candidate_seconds) = (took.as_secs_f64(), started.elapsed().as_secs_f64());
        let mut found = tried
            .map_err(PipelineError::sandbox)
            .and_then(|tried| compare(&self.judging, &self.candidate, &batch, outcome, tried))
            .unwrap_or_else(|error| {
                warn!(%error, "the shadow could not be compared");
                Comparison { failed: batch.len() as u64, ..Comparison::default() }
            });
        (found.judging_seconds, found.candidate_seconds) = (judging_seconds, candidate_seconds);
        metrics::compared(&found);
        self.comparison.add(found);
    }
}

impl Share {
    fn wants(&mut self, records: usize) -> bool {
        self.owed += self.share * records as f64;
        // At half a batch it is nearer to the share to take it than to leave it.
        let wants = self.owed >= records as f64 / 2.0;
        if wants {
            self.owed -= records as f64;
        }
        wants
    }
}

impl Comparison {
    fn add(&mut self, other: Comparison) {
        self.agreed += other.agreed;
        self.differed += other.differed;
        self.failed += other.failed;
        self.slower += other.slower;
        self.judging_seconds += other.judging_seconds;
        self.candidate_seconds += other.candidate_seconds;
        self.samples.extend(other.samples);
        self.samples.truncate(SAMPLES_MAX);
    }

    fn differ(&mut self, batch: &Batch, record: usize, what: String) {
        if self.samples.len() < SAMPLES_MAX {
            let partition = TopicPartition::new(batch.topic.clone(), batch.partition);
            self.samples.push(Difference { position: format!("{partition}@{}", batch.offsets[record]), what });
        }
    }
}

/// Compares record by record, unless all is the same. The candidate may have judged the first records only.
fn compare(
    judging: &Decoders,
    trying: &Decoders,
    batch: &Batch,
    outcome: Outcome,
    tried: Outcome,
) -> Result<Comparison, PipelineError> {
    let mut found = Comparison { slower: (batch.len() - tried.verdicts.len()) as u64, ..Comparison::default() };
    let (judged, decoded) = judging.judge(batch, outcome)?;
    let (tried, tried_decoded) = trying.judge(batch, tried)?;
    // The common case, without building the rows of both sides.
    if judged == tried && decoded == tried_decoded {
        found.agreed = judged.verdicts.len() as u64;
        return Ok(found);
    }
    let rows = (rows(judging, &judged, &decoded), rows(trying, &tried, &tried_decoded));
    for (record, (verdict, tried_verdict)) in judged.verdicts.iter().zip(&tried.verdicts).enumerate() {
        let what = match (verdict, tried_verdict) {
            (_, Verdict::Rejected) if *verdict != Verdict::Rejected && fails(&tried, record) => {
                found.failed += 1;
                found.differ(batch, record, format!("{} → {}", named(&judged, record), named(&tried, record)));
                continue;
            }
            (Verdict::Emitted, Verdict::Emitted) => differing_rows(&rows.0, &rows.1, record as u32),
            _ => (named(&judged, record) != named(&tried, record))
                .then(|| format!("{} → {}", named(&judged, record), named(&tried, record))),
        };
        match what {
            None => found.agreed += 1,
            Some(what) => {
                found.differed += 1;
                found.differ(batch, record, what);
            }
        }
    }
    Ok(found)
}

/// Whether the sandbox, rather than the transform, rejected it.
fn fails(judged: &Judged, record: usize) -> bool {
    judged.reasons.iter().any(|reason| reason.record == record && reason.stage == Stage::Sandbox)
}

fn named(judged: &Judged, record: usize) -> String {
    match judged.verdicts[record] {
        Verdict::Emitted => "emitted".to_owned(),
        Verdict::Filtered => "filtered".to_owned(),
        Verdict::Rejected => {
            let reason = judged.reasons.iter().find(|reason| reason.record == record);
            format!("rejected ({})", reason.map_or("", |reason| &reason.code))
        }
    }
}

fn rows<'a>(judge: &'a Decoders, judged: &Judged, decoded: &'a [Decoded]) -> Rows<'a> {
    let mut rows = Rows::new();
    for (table, decoded) in decoded {
        for (row, record) in decoded.records.iter().enumerate() {
            if judged.verdicts[*record as usize] == Verdict::Emitted {
                let tables = rows.entry(*record).or_default();
                tables.entry(judge.name(*table)).or_default().push((&decoded.rows, row));
            }
        }
    }
    rows
}

/// The tables whose numbers of rows, or the columns whose values differ. Columns that only one side has do not count as
/// a difference of the record: `sluicebox diff` shows them.
fn differing_rows(judged: &Rows<'_>, tried: &Rows<'_>, record: u32) -> Option<String> {
    let empty = BTreeMap::new();
    let none = Vec::new();
    let (judged, tried) = (judged.get(&record).unwrap_or(&empty), tried.get(&record).unwrap_or(&empty));
    let tables: BTreeSet<&str> = judged.keys().chain(tried.keys()).copied().collect();
    let mut differing = Vec::new();
    for table in tables {
        let (left, right) = (judged.get(table).unwrap_or(&none), tried.get(table).unwrap_or(&none));
        if left.len() != right.len() {
            differing.push(format!("{table}: {} rows → {}", left.len(), right.len()));
            continue;
        }
        let columns: BTreeSet<String> =
            left.iter().zip(right).flat_map(|(left, right)| differing_columns(*left, *right)).collect();
        differing.extend(columns.into_iter().map(|column| format!("{table}.{column}")));
    }
    (!differing.is_empty()).then(|| differing.join(", "))
}

fn differing_columns((left, left_row): Row<'_>, (right, right_row): Row<'_>) -> Vec<String> {
    let schema = left.schema();
    let names = schema.fields().iter().map(|field| field.name());
    let differing = names.filter(|name| match (left.column_by_name(name), right.column_by_name(name)) {
        (Some(left), Some(right)) => *left.slice(left_row, 1) != *right.slice(right_row, 1),
        _ => false,
    });
    differing.cloned().collect()
}

#[cfg(test)]
mod tests;
