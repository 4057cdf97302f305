//! The first step: the transform judges letters again, and those that make rows are claimed, in one commit on the dead-letter table.

use std::collections::HashMap;
use std::sync::Arc;

use sluicebox_delta::dead_letter::columns::{JudgedBy, now_micros};
use sluicebox_delta::dead_letter::{
    Letter, LetterChange, LetterKey, Letters, RejectedAgain, ReplayContext, Selection, Status, Summary, amended,
};
use sluicebox_delta::{DataFile, Once, Replaced};
use sluicebox_ledger::{Reason, Redrive, RedriveCounts, RedrivePhase, RedriveRecord};
use sluicebox_sandbox::{Batch, Verdict};
use sluicebox_settings::BatchSettings;

use super::chunk::Chunk;
use super::{Claim, Redriver, once};
use crate::decoders::Decoders;
use crate::error::PipelineError;

/// What became of letters, in their order.
pub(super) struct JudgedAgain {
    pub(super) outcomes: Vec<Outcome>,
    /// Rows that the emitted ones make, in all tables together.
    pub(super) rows: u64,
}

/// What became of one letter.
pub(super) enum Outcome {
    Emitted,
    Filtered,
    Rejected(Reason),
}

impl JudgedAgain {
    pub(super) fn emitted(&self) -> usize {
        self.outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Emitted)).count()
    }
}

impl Redriver<'_> {
    /// Judges letters by the transform and the pipeline's present settings.
    pub(super) fn judge(&self, letters: &[Letter], judge: &Decoders) -> Result<JudgedAgain, PipelineError> {
        let configuration = self.settings.transform.configuration.to_string();
        let mut worker = self.transform.worker(&configuration)?;
        let mut outcomes: Vec<Outcome> = letters.iter().map(|_| Outcome::Filtered).collect();
        let mut rows = 0;
        for (batch, indices) in batches(letters, &self.settings.batch) {
            let outcome = worker.process(&batch).map_err(PipelineError::sandbox)?;
            let (judged, decoded) = judge.judge(&batch, outcome)?;
            let records = decoded.iter().flat_map(|(_, rows)| &rows.records);
            rows += records.filter(|&&record| judged.verdicts[record as usize] == Verdict::Emitted).count() as u64;
            // Letters that are neither emitted nor rejected keep the `Filtered` from above.
            for (verdict, &index) in judged.verdicts.iter().zip(&indices) {
                if *verdict == Verdict::Emitted {
                    outcomes[index] = Outcome::Emitted;
                }
            }
            for reason in judged.reasons {
                let index = indices[reason.record];
                outcomes[index] = Outcome::Rejected(reason);
            }
        }
        Ok(JudgedAgain { outcomes, rows })
    }

    pub(super) async fn claim(
        &self,
        letters: &mut Letters,
        id: &str,
        chunk: &Chunk,
        judged: &JudgedAgain,
        selection: &Selection,
    ) -> Result<Replaced, PipelineError> {
        let replay_context = ReplayContext::of(self.settings);
        let head = Arc::new(JudgedBy::of(self.settings, self.transform)?);
        let claim =
            Claim { pipeline: head.pipeline.clone(), transform_digest: head.transform_digest.clone(), replay_context };
        let json = serde_json::to_string(&claim)
            .map_err(|error| PipelineError::Settings(format!("the transform's configuration is not JSON: {error}")))?;
        // Before the commit: a claim whose transform and settings are lost could never be finished.
        letters.archive().keep_redrive(id, json).await?;
        // Not before the selection's end, or the letter would be selected once more.
        let now = now_micros().max(selection.until.unwrap_or_default());
        let changes: HashMap<LetterKey, LetterChange> = chunk
            .letters
            .iter()
            .zip(&judged.outcomes)
            .map(|(letter, outcome)| (letter.summary.key(), change(outcome, id, &head, now)))
            .collect();
        let record = record(&head.pipeline, id, RedrivePhase::Claim, Some(&head.transform_digest), &chunk.letters);
        let once = once(&self.settings.name, id, 1);
        rewrite(letters, &chunk.files, selection, |letter| changes.get(&letter.key()), &once, &record).await
    }
}

fn change(outcome: &Outcome, id: &str, head: &Arc<JudgedBy>, now: i64) -> LetterChange {
    let (status, rejected) = match outcome {
        Outcome::Emitted => (Status::Redriving, None),
        Outcome::Filtered => (Status::Redriven, None),
        Outcome::Rejected(reason) => {
            let head = Arc::clone(head);
            (Status::Open, Some(RejectedAgain { reason: reason.clone(), judged_by: head, at: now }))
        }
    };
    LetterChange {
        resolution: (status != Status::Open).then(|| id.to_owned()),
        resolved_at: (status == Status::Redriven).then_some(now),
        judged_again: true,
        status,
        rejected,
    }
}

/// Rewrites files of the dead-letter table, with the selected letters changed as `change` says, in one commit.
pub(super) async fn rewrite<'a>(
    letters: &mut Letters,
    files: &[DataFile],
    selection: &Selection,
    change: impl Fn(&Summary) -> Option<&'a LetterChange>,
    once: &Once,
    record: &RedriveRecord,
) -> Result<Replaced, PipelineError> {
    for file in files {
        let bytes = letters.table.fetch(file).await?;
        for batch in letters.table.decode(&bytes, None)? {
            let selected = letters.selected(&batch, selection)?;
            let changes: Vec<Option<&LetterChange>> =
                selected.iter().map(|summary| summary.as_ref().and_then(&change)).collect();
            let rows = amended(&batch, &changes, letters.table.schema())
                .map_err(|error| letters.table.arrow_error("changing dead letters", error))?;
            // All rows of the file, changed or not: the commit removes the whole file.
            letters.table.stage(rows).await?;
        }
    }
    Ok(letters.table.replace_once(files, once, record).await?)
}

/// What a commit on the dead-letter table records.
pub(super) fn record(
    pipeline: &str,
    id: &str,
    phase: RedrivePhase,
    transform_digest: Option<&str>,
    letters: &[Letter],
) -> RedriveRecord {
    let mut counts = RedriveCounts::default();
    letters.iter().for_each(|letter| counts.count(&letter.summary.partition, 1, 0));
    RedriveRecord {
        pipeline: pipeline.to_owned(),
        redrive: Redrive {
            id: id.to_owned(),
            phase,
            transform_digest: transform_digest.map(str::to_owned),
            partitions: counts.partitions(),
        },
    }
}

/// Whether a batch can take one more letter.
fn fits(batch: &Batch, letter: &Summary, settings: &BatchSettings) -> bool {
    *batch.topic == *letter.partition.topic
        && batch.partition == letter.partition.partition
        && batch.len() < settings.records_max
        && (batch.bytes() as u64) < settings.bytes_max
        // The same position may come twice, of a recreated topic.
        && batch.offsets.last().is_some_and(|&last| last < letter.offset)
}

/// Letters as batches of one partition each, in offset order, with the index of each record's letter.
pub(super) fn batches(letters: &[Letter], settings: &BatchSettings) -> Vec<(Batch, Vec<usize>)> {
    let mut order: Vec<usize> = (0..letters.len()).collect();
    order.sort_by(|&left, &right| {
        let (left, right) = (&letters[left].summary, &letters[right].summary);
        left.partition.cmp(&right.partition).then(left.offset.cmp(&right.offset))
    });
    let mut batches: Vec<(Batch, Vec<usize>)> = Vec::new();
    for index in order {
        let letter = &letters[index];
        let summary = &letter.summary;
        if !batches.last().is_some_and(|(batch, _)| fits(batch, summary, settings)) {
            let partition = &summary.partition;
            batches.push((Batch::new(partition.topic.clone(), partition.partition), Vec::new()));
        }
        if let Some((batch, indices)) = batches.last_mut() {
            let headers = letter.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_deref()));
            // Back to Kafka's form: milliseconds, and -1 for none.
            let timestamp = letter.timestamp.map_or(-1, |micros| micros / 1_000);
            batch.push(summary.offset, timestamp, letter.key.as_deref(), letter.value.as_deref(), headers);
            indices.push(index);
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use sluicebox_ledger::{Stage, TopicPartition};

    use super::*;

    fn letter(partition: i32, offset: i64) -> Letter {
        let summary = Summary {
            partition: TopicPartition::new("orders", partition),
            offset,
            stage: Stage::Transform,
            code: String::new(),
            message: String::new(),
            rejected_at: 0,
            status: Status::Open,
            attempts: 1,
            resolution: None,
            pipeline: String::new(),
            transform_digest: String::new(),
        };
        Letter {
            summary,
            timestamp: Some(5_000),
            key: None,
            value: Some(vec![offset as u8]),
            headers: vec![("name".to_owned(), None)],
            path: None,
            backtrace: None,
            transform_name: String::new(),
            transform_version: String::new(),
            replay_context: String::new(),
            correlation_id: String::new(),
            resolved_at: None,
        }
    }

    #[test]
    fn letters_come_as_records_in_order_each_position_once_a_batch() {
        let letters = [letter(1, 7), letter(0, 9), letter(1, 3), letter(1, 7), letter(1, 8)];
        let settings = BatchSettings { records_max: 2, ..BatchSettings::default() };
        let batches = batches(&letters, &settings);
        let positions: Vec<(i32, Vec<i64>)> =
            batches.iter().map(|(batch, _)| (batch.partition, batch.offsets.clone())).collect();
        assert_eq!(positions, [(0, vec![9]), (1, vec![3, 7]), (1, vec![7, 8])]);
        assert_eq!(batches.iter().flat_map(|(_, indices)| indices.clone()).collect::<Vec<_>>(), [1, 2, 0, 3, 4]);
        let record = batches[0].0.record(0);
        assert_eq!((record.timestamp, record.key, record.value), (5, None, Some(&[9][..])));
        assert_eq!(record.headers().collect::<Vec<_>>(), [(&b"name"[..], None)]);
    }
}
