//! Marks dead letters as ignored, with a note that says why. They are never erased.

use sluicebox_delta::dead_letter::columns::now_micros;
use sluicebox_delta::dead_letter::{LetterChange, Letters, Selection, Status};
use sluicebox_delta::{Once, Replaced};
use sluicebox_ledger::RedrivePhase;
use sluicebox_settings::Settings;

use super::chunk::{Barren, CHUNK_LETTERS_MAX, Chunk};
use super::claim::{record, rewrite};
use super::{new_id, open_before_now};
use crate::error::PipelineError;

/// Discards the selected open letters, with a note, and returns how many those were.
pub async fn discard(settings: &Settings, selection: &Selection, note: &str) -> Result<u64, PipelineError> {
    let Some(mut letters) = Letters::open(settings).await? else {
        return Ok(0);
    };
    let selection = open_before_now(selection);
    let change = LetterChange {
        status: Status::Discarded,
        resolution: Some(note.to_owned()),
        resolved_at: Some(now_micros()),
        judged_again: false,
        rejected: None,
    };
    let mut barren = Barren::default();
    let mut discarded = 0;
    let mut chunks = 0;
    loop {
        letters.table.renew().await?;
        let chunk = Chunk::next(&letters, &selection, &mut barren, CHUNK_LETTERS_MAX).await?;
        if chunk.letters.is_empty() {
            return Ok(discarded);
        }
        let id = new_id(note, chunks);
        chunks += 1;
        let record = record(&settings.name, &id, RedrivePhase::Discard, None, &chunk.letters);
        let once = Once { app_id: format!("sluicebox-discard/{}/{id}", settings.name), step: 1 };
        match rewrite(&mut letters, &chunk.files, &selection, |_| Some(&change), &once, &record).await? {
            Replaced::Landed => discarded += chunk.letters.len() as u64,
            // Another process rewrote these files: the next turn reads the table again, and may find other letters.
            Replaced::Overtaken => {}
        }
    }
}
