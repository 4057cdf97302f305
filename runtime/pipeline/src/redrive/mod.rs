//! Reprocesses dead letters: their rows reach the tables exactly once, however many redrives try, however often, and wherever
//! one is killed.
//!
//! Chunk by chunk, in three commits, each under the redrive's own transaction (`sluicebox-redrive/<pipeline>/<id>`):
//!
//! 1. **claim** (dead letters, step 1): the chunk is judged; what is rejected again stays open with its new reason, what is
//!    filtered is redriven at once, and the rest becomes `redriving`. A redrive that is killed before this commit has done nothing.
//! 2. **apply** (each table, step 1): what is `redriving` becomes rows.
//! 3. **settle** (dead letters, step 2): what was `redriving` is `redriven`.
//!
//! So a letter that is in a table is never open. A redrive that was killed leaves letters `redriving`; the next one finishes
//! them first, with the transform and the replay context of the claim, which lie in the archive: [`finish`]. To do so twice,
//! or while the first redrive still runs, does no harm: each step lands once.
//!
//! [`discard`] is a single such commit. Nothing here knows Kafka or a terminal.

mod chunk;
mod claim;
mod discard;
mod finish;
mod report;
mod trust;

use chunk::{Barren, Chunk};
use serde::{Deserialize, Serialize};
use sluicebox_delta::dead_letter::columns::now_micros;
use sluicebox_delta::dead_letter::{Letters, ReplayContext, Selection, Status};
use sluicebox_delta::{Once, Replaced};
use sluicebox_sandbox::{CacheFolder, Digest, Sandbox, Transform};
use sluicebox_settings::Settings;

pub use self::chunk::CHUNK_LETTERS_MAX;
pub use self::discard::discard;
pub use self::report::RedriveReport;
pub use self::trust::{Answer, Trust, TrustAll, require_within};
use crate::decoders::Decoders;
use crate::error::PipelineError;

/// Redrives dead letters of one pipeline.
pub struct Redriver<'a> {
    /// The pipeline.
    pub settings: &'a Settings,
    /// The transform that is to judge them now.
    pub transform: &'a Transform,
    /// Loads the transforms of unfinished redrives.
    pub sandbox: &'a Sandbox,
    /// Decides whether the transform of an unfinished redrive may judge.
    pub trust: &'a dyn Trust,
    /// Where compiled transforms are kept.
    pub cache: Option<&'a CacheFolder>,
    /// About how many letters one claim takes; usually [`CHUNK_LETTERS_MAX`].
    pub chunk_letters_max: usize,
}

/// What judged a claim; archived before the claim is committed.
#[derive(Debug, Serialize, Deserialize)]
struct Claim {
    pipeline: String,
    transform_digest: String,
    replay_context: ReplayContext,
}

/// Only letters that were rejected before now: a letter that is rejected again is not tried without end.
fn open_before_now(selection: &Selection) -> Selection {
    let now = now_micros();
    Selection {
        statuses: vec![Status::Open],
        // An earlier end of the operator's own stays.
        until: Some(selection.until.map_or(now, |until| until.min(now))),
        ..selection.clone()
    }
}

/// The name of a step of a redrive, in each table that it touches.
fn once(pipeline: &str, id: &str, step: i64) -> Once {
    Once { app_id: format!("sluicebox-redrive/{pipeline}/{id}"), step }
}

/// Names a chunk's redrive: short, and never the same twice.
fn new_id(digest: &str, chunk: usize) -> String {
    let digest = Digest::of(format!("{}/{}/{chunk}/{digest}", now_micros(), std::process::id()).as_bytes());
    digest.as_bytes()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Redriver<'_> {
    /// Finishes what earlier redrives left unfinished, then redrives the selected open letters.
    pub async fn redrive(&self, selection: &Selection) -> Result<RedriveReport, PipelineError> {
        let mut report = RedriveReport::default();
        let Some(mut letters) = Letters::open(self.settings).await? else {
            return Ok(report);
        };
        // Before new claims, which select open letters only: what a killed redrive left `redriving` would stay so.
        for id in letters.unfinished().await? {
            // A claim of a transform that may not judge stays as it is. It must not keep the letters of others from going on.
            match self.finish(&mut letters, &id).await {
                Err(PipelineError::Distrust(why)) => drop(report.refused.insert(id, why)),
                finished => {
                    finished?;
                    report.finished.push(id);
                }
            }
        }
        // Before the first claim names its digest.
        letters.archive().keep(self.transform).await?;
        let judge = Decoders::of(self.settings, self.transform).await?;
        let selection = open_before_now(selection);
        let mut barren = Barren::default();
        loop {
            // Each turn: a chunk is chosen from the newest version, or its files may be gone already.
            letters.table.renew().await?;
            let chunk = Chunk::next(&letters, &selection, &mut barren, self.chunk_letters_max).await?;
            if chunk.letters.is_empty() {
                return Ok(report);
            }
            let id = new_id(&self.transform.digest().to_string(), report.chunks);
            report.chunks += 1;
            let judged = self.judge(&chunk.letters, &judge)?;
            match self.claim(&mut letters, &id, &chunk, &judged, &selection).await? {
                // Another process has changed some of these letters: look again what is left.
                Replaced::Overtaken => continue,
                Replaced::Landed => report.add(&judged),
            }
            if judged.emitted() > 0 {
                self.finish(&mut letters, &id).await?;
            }
        }
    }

    /// What a redrive would make of the selected open letters. Writes nothing.
    pub async fn rehearse(&self, selection: &Selection) -> Result<RedriveReport, PipelineError> {
        let mut report = RedriveReport::default();
        let Some(letters) = Letters::open(self.settings).await? else {
            return Ok(report);
        };
        report.finished.extend(letters.unfinished().await?);
        let judge = Decoders::of(self.settings, self.transform).await?;
        let selection = open_before_now(selection);
        for file in letters.files().await? {
            let chunk = letters.letters(&file, &selection).await?;
            if !chunk.is_empty() {
                report.add(&self.judge(&chunk, &judge)?);
            }
        }
        Ok(report)
    }
}
