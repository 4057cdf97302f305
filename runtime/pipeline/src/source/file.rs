//! Records from a file, a folder of files or standard input: read once, line by line. The same walk as from Kafka: each
//! file is a partition, each line an offset, and a second run fills in what the tables lack and nothing else.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sluicebox_ledger::{OffsetBounds, Offsets, PartitionBounds, TopicPartition};
use sluicebox_settings::{FilePath, FileSettings, RecordFormat};

use super::intake::Intake;
use super::record_line::RecordLine;
use super::{Polled, Source, SourceError, TopicIds};

/// A file source.
pub struct FileSource {
    settings: FileSettings,
    files: Vec<PathBuf>,
    /// The index in `files` of the one being read.
    current: usize,
    reader: Option<Lines>,
    known: BTreeSet<TopicPartition>,
    /// A record that waits until the walk has taken over its partition.
    waiting: Option<(TopicPartition, i64, RecordLine)>,
}

struct Lines {
    input: BufReader<Box<dyn Read + Send>>,
    place: String,
    /// Lines read so far.
    count: i64,
}

impl FileSource {
    /// Finds the files; opens none yet.
    pub fn new(settings: FileSettings) -> Result<Self, SourceError> {
        let files = match &settings.path {
            FilePath::Stdin => Vec::new(),
            FilePath::Path(path) if path.is_dir() => files_in(path)?,
            FilePath::Path(path) if path.exists() => vec![path.clone()],
            FilePath::Path(path) => return Err(file_error(path, "there is no such file; see `source.file.path`")),
        };
        Ok(Self { settings, files, current: 0, reader: None, known: BTreeSet::new(), waiting: None })
    }

    fn open_next(&mut self) -> Result<bool, SourceError> {
        let (input, place): (Box<dyn Read + Send>, String) = match &self.settings.path {
            FilePath::Stdin if self.current == 0 => (Box::new(std::io::stdin()), "standard input".to_owned()),
            FilePath::Stdin => return Ok(false),
            FilePath::Path(_) => {
                let Some(path) = self.files.get(self.current) else {
                    return Ok(false);
                };
                let file = File::open(path).map_err(|error| file_error(path, error))?;
                (Box::new(file), path.display().to_string())
            }
        };
        self.reader = Some(Lines { input: BufReader::with_capacity(256 * 1024, input), place, count: 0 });
        Ok(true)
    }

    /// The next record of any file; none at the end of the last.
    fn next_record(&mut self) -> Result<Option<(TopicPartition, i64, RecordLine)>, SourceError> {
        if let Some(record) = self.waiting.take() {
            return Ok(Some(record));
        }
        loop {
            if self.reader.is_none() && !self.open_next()? {
                return Ok(None);
            }
            let Some(lines) = &mut self.reader else { continue };
            if let Some((offset, record)) = lines.next_record(self.settings.format)? {
                let topic = record.topic.as_deref().unwrap_or(&self.settings.topic);
                let partition = TopicPartition::new(topic, record.partition.unwrap_or(self.current as i32));
                return Ok(Some((partition, record.offset.unwrap_or(offset), record)));
            }
            self.reader = None;
            self.current += 1;
        }
    }
}

impl Lines {
    fn next_record(&mut self, format: RecordFormat) -> Result<Option<(i64, RecordLine)>, SourceError> {
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = self.input.read_until(b'\n', &mut line).map_err(|error| self.error(&error.to_string()))?;
            if read == 0 {
                return Ok(None);
            }
            let offset = self.count;
            self.count += 1;
            if line.last() == Some(&b'\n') {
                line.pop();
            }
            return match format {
                RecordFormat::Lines => Ok(Some((offset, RecordLine { value: Some(line), ..RecordLine::default() }))),
                RecordFormat::JsonLines if line.iter().all(u8::is_ascii_whitespace) => continue,
                RecordFormat::JsonLines => {
                    let record = RecordLine::parse(&line).map_err(|error| self.error(&error.to_string()))?;
                    Ok(Some((offset, record)))
                }
            };
        }
    }

    fn error(&self, message: &str) -> SourceError {
        SourceError::File { place: format!("{}:{}", self.place, self.count), message: message.to_owned() }
    }
}

impl Source for FileSource {
    async fn poll(&mut self, intake: &mut Intake) -> Result<Polled, SourceError> {
        while !intake.is_full() {
            let Some((partition, offset, record)) = self.next_record()? else {
                return Ok(if intake.is_empty() { Polled::End } else { Polled::Records });
            };
            if !self.known.contains(&partition) {
                self.waiting = Some((partition.clone(), offset, record));
                if intake.is_empty() {
                    return Ok(Polled::Assigned(vec![partition]));
                }
                break;
            }
            let timestamp = record.timestamp.unwrap_or(-1);
            let (key, value) = (record.key.as_deref(), record.value.as_deref());
            intake.push(&partition.topic, partition.partition, offset, timestamp, key, value, record.headers());
        }
        Ok(Polled::Records)
    }

    fn keep_alive(&mut self) -> Result<Polled, SourceError> {
        Ok(Polled::Idle)
    }

    /// A file source cannot tell whether a file was cut short or replaced.
    async fn bounds(&mut self, partitions: &[TopicPartition]) -> Result<PartitionBounds, SourceError> {
        let first_line = OffsetBounds { start: 0, range: None, topic_id: None };
        Ok(partitions.iter().map(|partition| (partition.clone(), first_line)).collect())
    }

    async fn topic_ids(&mut self, _topics: &BTreeSet<Arc<str>>) -> Result<TopicIds, SourceError> {
        Ok(TopicIds::new())
    }

    /// The walk skips what the tables have: a partition that is new starts where the file stands, and a partition that
    /// is known already has to be read again from the beginning.
    async fn start(&mut self, starts: &Offsets) -> Result<(), SourceError> {
        let again = starts.keys().any(|partition| self.known.contains(partition));
        self.known.extend(starts.keys().cloned());
        if !again {
            return Ok(());
        }
        if self.settings.path == FilePath::Stdin {
            let message = "cannot be read a second time; run the command again with the same input";
            return Err(SourceError::File { place: "standard input".to_owned(), message: message.to_owned() });
        }
        self.current = 0;
        self.reader = None;
        self.waiting = None;
        Ok(())
    }

    fn pause(&mut self, partitions: &[TopicPartition]) -> Result<(), SourceError> {
        self.unassign(partitions)
    }

    fn unassign(&mut self, partitions: &[TopicPartition]) -> Result<(), SourceError> {
        self.known.retain(|known| !partitions.contains(known));
        Ok(())
    }

    fn partitions(&self) -> Vec<TopicPartition> {
        self.known.iter().cloned().collect()
    }

    fn ack(&mut self, _offsets: &Offsets) {}
}

fn files_in(folder: &Path) -> Result<Vec<PathBuf>, SourceError> {
    let entries = std::fs::read_dir(folder).map_err(|error| file_error(folder, error))?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>();
    let mut files = paths.map_err(|error| file_error(folder, error))?;
    files.retain(|path| path.is_file());
    // By name: the same folder gives the same partitions in every run.
    files.sort();
    if files.is_empty() {
        return Err(file_error(folder, "the folder holds no files; see `source.file.path`"));
    }
    Ok(files)
}

fn file_error(path: &Path, message: impl ToString) -> SourceError {
    SourceError::File { place: path.display().to_string(), message: message.to_string() }
}
