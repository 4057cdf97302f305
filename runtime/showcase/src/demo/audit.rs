//! Reads the tables back with a reader that is not ours, and looks for every record: once as a row, or once as a dead letter.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use arrow::array::{ArrayRef, AsArray as _, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type, Int64Type};
use deltalake::ensure_table_uri;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use sluicebox_audit::AuditReport as Books;
use sluicebox_console::exit::{Blame as _, Failure};

use crate::kafka::Expected;
use crate::orders::Fate;

/// How often each record was found.
type Found = BTreeMap<(i32, i64), usize>;

/// What the tables hold, compared with what they should.
#[derive(Debug, Default)]
pub(super) struct Audit {
    pub(super) rows: usize,
    pub(super) dead_letters: usize,
    /// As the books say.
    pub(super) filtered: usize,
    /// Records that are nowhere, or where they do not belong.
    pub(super) lost: usize,
    /// Records that are there more than once, or both as rows and as dead letters.
    pub(super) duplicated: usize,
    /// By code.
    pub(super) reasons: BTreeMap<String, Reason>,
    /// Commits of both tables.
    pub(super) commits: usize,
    /// Whether `sluicebox audit`, which does not know what was produced, finds no violation.
    pub(super) is_sound: bool,
}

/// Dead letters of one code.
#[derive(Debug, Clone, Default)]
pub(super) struct Reason {
    pub(super) count: usize,
    pub(super) stage: String,
    /// Of the first one.
    pub(super) message: String,
    /// Of the first one: `orders/2@1234`.
    pub(super) position: String,
}

impl Audit {
    /// Reads both tables; `books` are what `sluicebox audit` makes of them.
    pub(super) fn read(
        orders: &Path,
        dead_letters: &Path,
        books: &Books,
        expected: &Expected,
    ) -> Result<Audit, Failure> {
        let mut audit = Audit { is_sound: books.sound, ..Audit::default() };
        let mut rows = Found::new();
        for batch in read_table(orders)? {
            count(&batch, "_kafka_partition", "_kafka_offset", &mut rows)?;
        }
        let mut buried = Found::new();
        for batch in read_table(dead_letters)? {
            count(&batch, "partition", "offset", &mut buried)?;
            audit.note_reasons(&batch)?;
        }
        audit.rows = rows.values().sum();
        audit.dead_letters = buried.values().sum();
        audit.compare(&rows, &buried, expected);
        let [table, _] = books.tables.as_slice() else { return Ok(audit) };
        audit.filtered = table.partitions.iter().map(|partition| partition.counts.filtered as usize).sum();
        audit.commits = books.tables.iter().map(|table| table.version as usize).sum();
        Ok(audit)
    }

    /// The generator knows what has to become of each record; the tables do not know the generator.
    fn compare(&mut self, rows: &Found, buried: &Found, expected: &Expected) {
        for (position, fate) in expected {
            let as_row = rows.get(position).copied().unwrap_or(0);
            let as_dead_letter = buried.get(position).copied().unwrap_or(0);
            let (wanted, unwanted) = match fate {
                Fate::Row => (as_row, as_dead_letter),
                Fate::DeadLetter => (as_dead_letter, as_row),
                Fate::Filtered => (1, as_row + as_dead_letter),
            };
            self.lost += usize::from(wanted == 0);
            self.duplicated += wanted.saturating_sub(1) + unwanted;
        }
        // A position that was never produced must not be there either.
        let strange = rows.keys().chain(buried.keys()).filter(|position| !expected.contains_key(*position));
        self.duplicated += strange.count();
        // Filtered records leave no trace but the commits' own count.
    }

    fn note_reasons(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        let [codes, stages, messages, topics] =
            ["code", "stage", "message", "topic"].map(|name| column(batch, name, &DataType::Utf8));
        let (codes, stages, messages, topics) = (codes?, stages?, messages?, topics?);
        let partitions = column(batch, "partition", &DataType::Int32)?;
        let offsets = column(batch, "offset", &DataType::Int64)?;
        for row in 0..batch.num_rows() {
            let text = |array: &ArrayRef| array.as_string::<i32>().value(row).to_owned();
            let reason = self.reasons.entry(text(&codes)).or_default();
            reason.count += 1;
            if reason.count == 1 {
                let partition = partitions.as_primitive::<Int32Type>().value(row);
                let offset = offsets.as_primitive::<Int64Type>().value(row);
                reason.stage = text(&stages);
                reason.message = text(&messages);
                reason.position = format!("{}/{partition}@{offset}", text(&topics));
            }
        }
        Ok(())
    }
}

fn count(batch: &RecordBatch, partition: &str, offset: &str, found: &mut Found) -> Result<(), Failure> {
    let partitions = column(batch, partition, &DataType::Int32)?;
    let offsets = column(batch, offset, &DataType::Int64)?;
    let partitions = partitions.as_primitive::<Int32Type>().values();
    let offsets = offsets.as_primitive::<Int64Type>().values();
    for (partition, offset) in partitions.iter().zip(offsets) {
        *found.entry((*partition, *offset)).or_default() += 1;
    }
    Ok(())
}

fn column(batch: &RecordBatch, name: &str, data_type: &DataType) -> Result<ArrayRef, Failure> {
    let column =
        batch.column_by_name(name).ok_or_else(|| Failure::environment(format!("the table has no column `{name}`")))?;
    cast(column, data_type).environment(format!("column `{name}`"))
}

/// All rows of the newest version of a table.
fn read_table(folder: &Path) -> Result<Vec<RecordBatch>, Failure> {
    let shown = folder.display();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let url = ensure_table_uri(shown.to_string()).environment(format!("{shown} is no place for a table"))?;
    let table = runtime.block_on(deltalake::open_table(url)).environment(format!("cannot open the table {shown}"))?;
    let files: Vec<String> = table.get_file_uris().environment(format!("cannot list the table {shown}"))?.collect();
    let mut batches = Vec::new();
    for file in files {
        let path = file.strip_prefix("file://").unwrap_or(&file);
        let open = File::open(path).environment(format!("cannot open {path}"))?;
        let reader = ParquetRecordBatchReaderBuilder::try_new(open).and_then(|builder| builder.build());
        for batch in reader.environment(format!("cannot read {path}"))? {
            batches.push(batch.environment(format!("cannot read {path}"))?);
        }
    }
    Ok(batches)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_or_there_twice_is_counted() {
        let expected = Expected::from([
            ((0, 0), Fate::Row),
            ((0, 1), Fate::Row),
            ((0, 2), Fate::DeadLetter),
            ((0, 3), Fate::Filtered),
            ((0, 4), Fate::Row),
        ]);
        let audit = |rows: &[((i32, i64), usize)], buried: &[((i32, i64), usize)]| {
            let mut audit = Audit::default();
            audit.compare(&rows.iter().copied().collect(), &buried.iter().copied().collect(), &expected);
            (audit.lost, audit.duplicated)
        };
        let good = [((0, 0), 1), ((0, 1), 1), ((0, 4), 1)];
        assert_eq!(audit(&good, &[((0, 2), 1)]), (0, 0));
        assert_eq!(audit(&good[1..], &[]), (2, 0), "a row and a dead letter are missing");
        assert_eq!(audit(&[((0, 0), 2), ((0, 1), 1), ((0, 4), 1)], &[((0, 2), 1), ((0, 1), 1)]), (0, 2));
        assert_eq!(audit(&[((0, 0), 1), ((0, 1), 1), ((0, 4), 1), ((0, 3), 1), ((9, 9), 1)], &[((0, 2), 1)]), (0, 2));
    }
}
