//! Decodes JSON rows from the sandbox into an Arrow record batch. A row that does not fit the table's columns exactly is its
//! record's failure: it is reported, and the other rows go through.
//!
//! [`cursor`] reads the text, [`read`] brings values into columns ([`column`]), [`number`] and [`time`] know what
//! fits, and [`misfit`] says what does not. `arrow-json` would round numbers, drop what a type has no room for, keep the last
//! of two fields, and begin again for every row once one does not fit.

mod column;
mod cursor;
mod ends;
mod misfit;
mod number;
mod read;
mod time;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use sluicebox_sandbox::Strings;

use self::column::Members;
use self::cursor::Cursor;

/// Why a row is not in the batch.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RowMisfit {
    /// The row's index in the input.
    pub(super) row: usize,
    /// What does not fit, naming the column.
    pub(super) message: String,
}

/// Decodes all rows; those that do not fit are not among the rows of the batch.
pub(super) fn decode(rows: &Strings, schema: &SchemaRef) -> Result<(RecordBatch, Vec<RowMisfit>), ArrowError> {
    // Arrow's ends are 31 bits wide, and no column takes more than the JSON text of its values.
    if i32::try_from(rows.data.len()).is_err() {
        return Err(ArrowError::OffsetOverflowError(rows.data.len()));
    }
    let text = std::str::from_utf8(&rows.data).map_err(|error| ArrowError::JsonError(error.to_string()))?;
    let mut members = Members::new(schema.fields(), rows.len())?;
    let mut misfits = Vec::new();
    let mut fitting = 0;
    let mut start = 0;
    for (row, &end) in rows.ends.iter().enumerate() {
        let text =
            text.get(start..end as usize).ok_or_else(|| ArrowError::JsonError(format!("row {row} is not text")))?;
        start = end as usize;
        match read::row(&mut Cursor::new(text), &mut members, fitting) {
            Ok(()) => fitting += 1,
            Err(misfit) => {
                members.truncate(fitting);
                misfits.push(RowMisfit { row, message: misfit.message() });
            }
        }
    }
    let (_, arrays) = members.finish()?;
    let options = RecordBatchOptions::new().with_row_count(Some(fitting));
    Ok((RecordBatch::try_new_with_options(schema.clone(), arrays, &options)?, misfits))
}

#[cfg(test)]
mod tests;
