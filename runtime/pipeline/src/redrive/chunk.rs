//! A bounded number of dead letters at a time: whole files of them, because whole files are rewritten.

use std::collections::HashSet;

use sluicebox_delta::DataFile;
use sluicebox_delta::dead_letter::{Letter, Letters, Selection};

use crate::error::PipelineError;

/// A chunk ends with the file that takes it to this many letters, unless the caller sets another number.
pub const CHUNK_LETTERS_MAX: usize = 10_000;
/// A chunk ends with the file that takes it to this many bytes of records.
const BYTES_MAX: usize = 64 << 20;

/// Letters that are worked on together, and the files that they lie in.
pub(super) struct Chunk {
    pub(super) letters: Vec<Letter>,
    pub(super) files: Vec<DataFile>,
}

/// The paths of files without any selected letter: files never change, so they need no second look.
#[derive(Default)]
pub(super) struct Barren(HashSet<String>);

impl Chunk {
    /// The first selected letters of the table; none if there are none.
    pub(super) async fn next(
        letters: &Letters,
        selection: &Selection,
        barren: &mut Barren,
        letters_max: usize,
    ) -> Result<Self, PipelineError> {
        Self::up_to(letters, selection, barren, letters_max, BYTES_MAX).await
    }

    /// All selected letters of the table: those that were a chunk before.
    pub(super) async fn all(
        letters: &Letters,
        selection: &Selection,
        barren: &mut Barren,
    ) -> Result<Self, PipelineError> {
        Self::up_to(letters, selection, barren, usize::MAX, usize::MAX).await
    }

    async fn up_to(
        letters: &Letters,
        selection: &Selection,
        barren: &mut Barren,
        letters_max: usize,
        bytes_max: usize,
    ) -> Result<Self, PipelineError> {
        let mut chunk = Self { letters: Vec::new(), files: Vec::new() };
        let mut bytes = 0;
        for file in letters.files().await? {
            // Otherwise each chunk would read again all files before it.
            if barren.0.contains(&file.path) {
                continue;
            }
            let found = letters.letters(&file, selection).await?;
            if found.is_empty() {
                barren.0.insert(file.path);
                continue;
            }
            bytes += found.iter().map(Letter::bytes).sum::<usize>();
            chunk.letters.extend(found);
            // Before the bound is looked at: a chunk with a single file over it still makes progress.
            chunk.files.push(file);
            if chunk.letters.len() >= letters_max || bytes >= bytes_max {
                break;
            }
        }
        Ok(chunk)
    }
}
