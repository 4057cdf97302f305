//! What `#[transform]` implements, and the two functions that its code calls: describe, and process record by record.

use crate::{
    Configuration, Reject, Rows,
    batch::{Batch, Record},
    configuration,
    description::{Description, RowFormat},
    last_words,
    outcome::{Outcome, Rejections, Verdict},
    row::{IntoRows, Tables},
};

/// A transform as the host runs it: the same code in the sandbox, in tests and in benchmarks.
///
/// [`transform`](macro@crate::transform) implements it for a type of the function's name.
pub trait Transform: Sized {
    /// Always the same answer.
    fn describe() -> Description;

    /// A transform with its configuration, a JSON object.
    ///
    /// # Errors
    /// Where the configuration is not what the transform's settings ask for; the error names the field.
    fn configure(configuration: &str) -> Result<Self, configuration::Error>;

    /// One verdict a record.
    fn process(&self, batch: &Batch) -> Outcome;
}

/// The description that follows from what a transform returns, and from the type of its configuration.
///
/// # Panics
/// Where tables share a name, or differ in their rows' format.
#[must_use]
pub fn describe<R: IntoRows, C: Configuration>(name: &str, version: &str) -> Description {
    let mut tables = Vec::new();
    R::Rows::describe(&mut tables);
    let row_format = tables.first().map_or(RowFormat::Columns, |table| table.row_format);
    assert!(
        tables.iter().all(|table| table.row_format == row_format),
        "all rows of a transform share one format: mark all of them `#[row(format = \"json\")]`, or none"
    );
    for (index, table) in tables.iter().enumerate() {
        let known = tables[..index].iter().any(|other| other.name == table.name);
        assert!(
            !known,
            "the table `{}` is written in two places: give one `#[row(table = \"…\")]`, or return a `Vec`",
            table.name
        );
    }
    Description {
        name: name.to_owned(),
        version: version.to_owned(),
        configuration_schema: C::schema(),
        row_format,
        tables,
        properties: Vec::new(),
    }
}

/// Runs a function on every record of a batch.
pub fn process<'r, R: Rows>(batch: &'r Batch, transform: impl Fn(Record<'r>) -> Result<R, Reject>) -> Outcome {
    let mut verdicts = Vec::with_capacity(batch.len());
    let mut tables = R::Tables::default();
    tables.reserve(batch.len());
    let mut rejections = Rejections::default();

    for index in 0..batch.len() {
        let record = index as u32;
        last_words::working_on(Some(record));
        let verdict = match transform(batch.record(index)).map(|rows| rows.write(&mut tables, record)) {
            Ok(0) => Verdict::Filtered,
            Ok(_) => Verdict::Emitted,
            Err(reject) => {
                rejections.push(record, &reject);
                Verdict::Rejected
            }
        };
        verdicts.push(verdict as u8);
    }
    last_words::working_on(None);

    let mut rows = Vec::new();
    tables.finish(&mut 0, &mut rows);
    Outcome { verdicts, rows, rejections }
}
