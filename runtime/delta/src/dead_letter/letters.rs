//! Reads the dead-letter table file by file, so that memory is bounded however many letters it has. Shows the letters of one
//! pipeline only: others may share the table. Writes nothing.

use std::collections::BTreeSet;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::error::ArrowError;
use sluicebox_settings::Settings;

use super::letter::{Letter, LetterColumns, Status, Summary};
use super::{Archive, NAME, Selection, shape};
use crate::{DataFile, Table, TableError};

/// The dead letters of one pipeline.
pub struct Letters {
    /// Their table.
    pub table: Table,
    pipeline: String,
}

/// A dead letter that was found by its position.
#[derive(Debug)]
pub struct FoundLetter {
    /// The letter.
    pub letter: Letter,
    /// How many other letters have the same position, because the topic was recreated.
    pub others: usize,
}

impl Letters {
    /// Opens the dead letters of a pipeline; none if it has no dead-letter table yet. Creates nothing.
    pub async fn open(settings: &Settings) -> Result<Option<Self>, TableError> {
        let table = Table::find(&settings.name, NAME, &settings.dead_letters.path, &shape()).await?;
        Ok(table.map(|table| Self { table, pipeline: settings.name.clone() }))
    }

    /// The table's location.
    pub fn location(&self) -> &str {
        self.table.location()
    }

    /// The archive beside the table.
    pub fn archive(&self) -> Archive {
        Archive::beside(&self.table)
    }

    /// Calls `each` with the summary of every selected letter, oldest file first.
    pub async fn summaries(&self, selection: &Selection, mut each: impl FnMut(Summary)) -> Result<(), TableError> {
        for file in self.files().await? {
            let bytes = self.table.fetch(&file).await?;
            for batch in self.table.decode(&bytes, Some(&Summary::COLUMNS))? {
                self.selected(&batch, selection)?.into_iter().flatten().for_each(&mut each);
            }
        }
        Ok(())
    }

    /// The letter at one position. If there are several, the one that was rejected last.
    pub async fn find(&self, selection: &Selection) -> Result<Option<FoundLetter>, TableError> {
        let mut found: Option<FoundLetter> = None;
        for file in self.files().await? {
            for letter in self.letters(&file, selection).await? {
                let others = found.as_ref().map_or(0, |found| found.others + 1);
                let letter = match found.take() {
                    // `>` and not `>=`: files come oldest first, so of two with one time the later one wins.
                    Some(found) if found.letter.summary.rejected_at > letter.summary.rejected_at => found.letter,
                    _ => letter,
                };
                found = Some(FoundLetter { letter, others });
            }
        }
        Ok(found)
    }

    /// The selected letters of one file, whole. Decodes only the summary's columns first, and the rest if any is selected.
    pub async fn letters(&self, file: &DataFile, selection: &Selection) -> Result<Vec<Letter>, TableError> {
        let bytes = self.table.fetch(file).await?;
        let mut masks = Vec::new();
        for batch in self.table.decode(&bytes, Some(&Summary::COLUMNS))? {
            let selected = self.selected(&batch, selection)?;
            masks.push(selected.iter().map(|summary| Some(summary.is_some())).collect::<BooleanArray>());
        }
        let mut letters = Vec::new();
        if masks.iter().all(|mask| mask.true_count() == 0) {
            return Ok(letters);
        }
        // Both reads return batches of the same rows, so each mask belongs to its batch.
        for (batch, mask) in self.table.decode(&bytes, None)?.iter().zip(&masks) {
            let batch = filter_record_batch(batch, mask).map_err(|error| self.unreadable(error))?;
            let columns = LetterColumns::new(&batch, self.table.schema()).map_err(|error| self.unreadable(error))?;
            for row in 0..batch.num_rows() {
                letters.push(columns.letter(row).map_err(|error| self.unreadable(error))?);
            }
        }
        Ok(letters)
    }

    /// The ids of redrives that have claimed letters but not settled them.
    pub async fn unfinished(&self) -> Result<BTreeSet<String>, TableError> {
        let claimed = Selection { statuses: vec![Status::Redriving], ..Selection::default() };
        let mut ids = BTreeSet::new();
        self.summaries(&claimed, |summary| ids.extend(summary.resolution)).await?;
        Ok(ids)
    }

    /// The files of the table, oldest first.
    pub async fn files(&self) -> Result<Vec<DataFile>, TableError> {
        let mut files = self.table.files().await?;
        // The path makes the order total: files of one commit often share their millisecond.
        files.sort_by(|left, right| (left.modified_at, &left.path).cmp(&(right.modified_at, &right.path)));
        Ok(files)
    }

    /// For each row its summary, if the letter is this pipeline's and selected.
    pub fn selected(&self, batch: &RecordBatch, selection: &Selection) -> Result<Vec<Option<Summary>>, TableError> {
        let columns = LetterColumns::new(batch, self.table.schema()).map_err(|error| self.unreadable(error))?;
        let chosen = (0..batch.num_rows()).map(|row| {
            let summary = columns.summary(row).map_err(|error| self.unreadable(error))?;
            Ok((summary.pipeline == self.pipeline && selection.takes(&summary)).then_some(summary))
        });
        chosen.collect()
    }

    fn unreadable(&self, error: ArrowError) -> TableError {
        self.table.arrow_error("reading dead letters", error)
    }
}
