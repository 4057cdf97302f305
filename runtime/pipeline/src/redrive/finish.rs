//! The second and the third step: what a claim has claimed becomes rows, and is settled. The
//! claim's own transform and replay context judge, whichever process finishes it, so that a claim has one outcome.

use std::path::Path;

use sluicebox_delta::Replaced;
use sluicebox_delta::dead_letter::columns::now_micros;
use sluicebox_delta::dead_letter::{Letter, LetterChange, Letters, Selection, Status};
use sluicebox_ledger::{Redrive, RedriveCounts, RedrivePhase, RedriveRecord};
use sluicebox_sandbox::{Transform, Verdict};
use tracing::info;

use super::chunk::{Barren, Chunk};
use super::claim::{batches, record, rewrite};
use super::trust::require_within;
use super::{Claim, Redriver, once};
use crate::error::PipelineError;
use crate::tables::Tables;

impl Redriver<'_> {
    /// Applies and settles a claim, as far as that has not been done.
    pub(super) async fn finish(&self, letters: &mut Letters, id: &str) -> Result<(), PipelineError> {
        info!(redrive = id, "finishing a claim: its rows go to the tables, then its letters are settled");
        let claim: Claim = letters.archive().redrive(id).await?;
        let claimed = claimed(id);
        let mut barren = Barren::default();
        letters.table.renew().await?;
        let mut chunk = Chunk::all(letters, &claimed, &mut barren).await?;
        // Another process has settled the claim meanwhile.
        if chunk.letters.is_empty() {
            return Ok(());
        }
        // Before the letters are settled: a crash in between leaves them `redriving`, and the transaction keeps their
        // rows from landing twice. The other way round it would lose the rows.
        self.apply(letters, id, &claim, &chunk.letters).await?;
        let change = LetterChange {
            status: Status::Redriven,
            resolution: Some(id.to_owned()),
            resolved_at: Some(now_micros()),
            judged_again: false,
            rejected: None,
        };
        loop {
            let record =
                record(&self.settings.name, id, RedrivePhase::Settle, Some(&claim.transform_digest), &chunk.letters);
            let once = once(&self.settings.name, id, 2);
            match rewrite(letters, &chunk.files, &claimed, |_| Some(&change), &once, &record).await? {
                Replaced::Landed => return Ok(()),
                // The process that rewrote the files may have settled the claim, too.
                Replaced::Overtaken => chunk = Chunk::all(letters, &claimed, &mut barren).await?,
            }
        }
    }

    /// Commits the rows of claimed letters to every table that lacks them.
    async fn apply(&self, letters: &Letters, id: &str, claim: &Claim, claimed: &[Letter]) -> Result<(), PipelineError> {
        let transform = self.transform_of(letters, claim).await?;
        let mut tables = Tables::open(self.settings, &transform).await?;
        let once = once(&self.settings.name, id, 1);
        let mut has = Vec::new();
        for table in tables.each() {
            has.push(table.has(&once));
        }
        // The rows had landed before an earlier process was killed: only the letters are left to settle.
        if has.iter().all(|&has| has) {
            return Ok(());
        }
        let mut counts: Vec<RedriveCounts> = has.iter().map(|_| RedriveCounts::default()).collect();
        let mut worker = transform.worker(&claim.replay_context.configuration.to_string())?;
        for (batch, indices) in batches(claimed, &self.settings.batch) {
            let outcome = worker.process(&batch).map_err(PipelineError::sandbox)?;
            let (judged, rows) = tables.stage_claimed(&batch, outcome, &has).await?;
            // Nothing is committed yet, so the claim stays whole and can be tried again.
            if let Some(record) = judged.verdicts.iter().position(|verdict| *verdict != Verdict::Emitted) {
                let position = claimed[indices[record]].summary.position();
                let reason = judged.reasons.iter().find(|reason| reason.record == record);
                let now =
                    reason.map_or("it is filtered".to_owned(), |reason| format!("{}: {}", reason.code, reason.message));
                return Err(PipelineError::Redrive(format!(
                    "{position} made rows when redrive {id} claimed it, and now does not ({now}): the transform is not a \
                     pure function, or a table has changed; nothing more of this redrive has been written, and it is \
                     finished by the next `dlq redrive` once the cause is gone"
                )));
            }
            let partition = &claimed[indices[0]].summary.partition;
            for (counts, rows) in counts.iter_mut().zip(rows) {
                counts.count(partition, indices.len() as u64, rows);
            }
        }
        for ((table, counts), has) in tables.each().iter_mut().zip(counts).zip(has) {
            if has {
                continue;
            }
            let redrive = Redrive {
                id: id.to_owned(),
                phase: RedrivePhase::Apply,
                transform_digest: Some(claim.transform_digest.clone()),
                partitions: counts.partitions(),
            };
            table.append_once(&once, &RedriveRecord { pipeline: self.settings.name.clone(), redrive }).await?;
        }
        Ok(())
    }

    /// The transform that judged a claim.
    async fn transform_of(&self, letters: &Letters, claim: &Claim) -> Result<Transform, PipelineError> {
        let (name, limits) = (&claim.transform_digest, &claim.replay_context.limits);
        let is_ours = self.transform.digest().to_string() == *name;
        // The limits, too: the same component may reject under smaller ones what it emitted when it was claimed.
        if is_ours && self.transform.limits() == limits {
            return Ok(self.transform.clone());
        }
        // The claim and the archive are only as trustworthy as the place that they lie in.
        require_within(limits, &self.settings.transform.limits).map_err(PipelineError::Distrust)?;
        let digest = name.parse().map_err(|error| PipelineError::Distrust(format!("its transform: {error}")))?;
        if !is_ours {
            self.trust.may_judge(&digest).await?;
        }
        let wasm = letters.archive().transform(name).await?;
        self.sandbox
            .load_bytes(Path::new(name), wasm, limits, self.cache)
            .map_err(|error| PipelineError::Redrive(format!("the transform of an unfinished redrive: {error}")))
    }
}

/// The letters that a redrive has claimed and not settled.
fn claimed(id: &str) -> Selection {
    Selection { statuses: vec![Status::Redriving], resolution: Some(id.to_owned()), ..Selection::default() }
}
