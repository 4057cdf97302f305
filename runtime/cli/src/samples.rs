//! Records from files, for commands that have no Kafka: JSON lines, or each line a value.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use sluicebox_pipeline::source::record_line::RecordLine;
use sluicebox_sandbox::Batch;

use crate::exit::{Blame as _, Failure};

/// What a line has to be. A file of bare values is the usual mistake.
const RECORD_FORM: &str =
    "each line is a record, `{\"value\": …}`; for lines that are values themselves, `sluicebox try` has --raw";

/// Records of a sample, in order. A record without a position gets one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Samples {
    /// The records.
    pub(crate) records: Vec<RecordLine>,
}

/// What the lines of a sample are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lines {
    /// Each a record in JSON.
    Records,
    /// Each a value.
    Values,
}

/// The position of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
}

impl Samples {
    /// Reads a file; `-` is standard input.
    pub(crate) fn read(path: &Path, lines: Lines) -> Result<Samples, Failure> {
        let shown = path.display();
        let input: Box<dyn Read> = if path == Path::new("-") {
            Box::new(std::io::stdin())
        } else {
            Box::new(std::fs::File::open(path).usage(format!("cannot open {shown}"))?)
        };
        let mut records = Vec::new();
        for (index, line) in BufReader::new(input).split(b'\n').enumerate() {
            let line = line.environment(format!("cannot read {shown}"))?;
            // Files from Windows end their lines with it, and `split` leaves it.
            let line = line.strip_suffix(b"\r").unwrap_or(&line);
            match lines {
                // Before the arm for blank lines: an empty line is an empty value here.
                Lines::Values => records.push(RecordLine { value: Some(line.to_owned()), ..RecordLine::default() }),
                Lines::Records if line.trim_ascii().is_empty() => {}
                Lines::Records => {
                    let place = format!("{shown}:{} ({RECORD_FORM})", index + 1);
                    records.push(RecordLine::parse(line).usage(place)?);
                }
            }
        }
        Ok(Samples { records })
    }

    /// The number of records.
    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    /// The position of record `index`; parts that its line leaves out are filled in.
    pub(crate) fn position(&self, index: usize) -> Position {
        let record = self.records.get(index);
        Position {
            topic: record.and_then(|record| record.topic.clone()).unwrap_or_else(|| "sample".to_owned()),
            partition: record.and_then(|record| record.partition).unwrap_or(0),
            offset: record.and_then(|record| record.offset).unwrap_or(index as i64),
        }
    }

    /// The records as batches: a new one wherever the partition changes, and before each index of `cuts`.
    pub(crate) fn batches(&self, cuts: &[usize]) -> Vec<Batch> {
        let mut batches: Vec<Batch> = Vec::new();
        for (index, record) in self.records.iter().enumerate() {
            let position = self.position(index);
            let is_continued = batches.last().is_some_and(|batch| {
                *batch.topic == *position.topic && batch.partition == position.partition && !cuts.contains(&index)
            });
            if !is_continued {
                batches.push(Batch::new(position.topic.as_str(), position.partition));
            }
            if let Some(batch) = batches.last_mut() {
                let (key, value) = (record.key.as_deref(), record.value.as_deref());
                batch.push(position.offset, record.timestamp.unwrap_or(-1), key, value, record.headers());
            }
        }
        batches
    }
}
