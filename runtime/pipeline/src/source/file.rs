//! Records from a file, a folder of files or standard input: read once, line by line. The same walk as from Kafka: each
//! file is a partition, each line an offset, and a second run fills in what the tables lack and nothing else. What a file is
//! recognised by is [`input_file`](super::input_file)'s.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use sluicebox_ledger::{OffsetBounds, Offsets, PartitionBounds, TopicPartition};
use sluicebox_settings::{FilePath, FileSettings};
use tracing::info;

use super::input_file::InputFile;
use super::intake::Intake;
use super::lines::{Line, Lines, Next, open};
use super::piped::Piped;
use super::record_line::RecordLine;
use super::{Polled, Source, SourceError, TopicIds};

/// A file source.
pub struct FileSource {
    settings: FileSettings,
    files: Vec<InputFile>,
    /// The index in `files` of the one being read.
    current: usize,
    reader: Option<Lines>,
    known: BTreeSet<TopicPartition>,
    /// Where the walk has started each partition.
    starts: Offsets,
    /// The partitions whose lines name none, so that their offsets are places in a file; with what identifies the file.
    unnamed: BTreeMap<TopicPartition, Option<i64>>,
    /// Whether lines of the current file say themselves where they belong, or malformed ones have been given places.
    places: Places,
    /// A record that waits until the walk has taken over its partition.
    waiting: Option<(TopicPartition, i64, Line)>,
}

/// Who says where the lines of a file belong. A malformed line has the place that its number gives it, and that may be another
/// record's where lines name their places.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Places {
    #[default]
    Unknown,
    /// The lines themselves.
    Named,
    /// Their numbers, and a malformed line has one of them.
    Counted,
}

impl FileSource {
    /// Finds the files; opens none yet.
    pub fn new(settings: FileSettings) -> Result<Self, SourceError> {
        let files = match &settings.path {
            FilePath::Stdin => Vec::new(),
            FilePath::Path(path) if path.is_dir() => InputFile::all_in(path)?,
            FilePath::Path(path) if path.exists() => vec![InputFile::alone(path)?],
            FilePath::Path(path) => return Err(file_error(path, "there is no such file; see `source.file.path`")),
        };
        Ok(Self {
            settings,
            files,
            current: 0,
            reader: None,
            known: BTreeSet::new(),
            starts: Offsets::new(),
            unnamed: BTreeMap::new(),
            places: Places::default(),
            waiting: None,
        })
    }

    fn open_next(&mut self) -> Result<bool, SourceError> {
        let (input, is_pipe, place): (Box<dyn Read + Send>, bool, String) = match &self.settings.path {
            FilePath::Stdin if self.current == 0 => {
                let input =
                    Piped::new(std::io::stdin()).map_err(|error| file_error(Path::new("standard input"), error))?;
                (Box::new(input), true, "standard input".to_owned())
            }
            FilePath::Stdin => return Ok(false),
            FilePath::Path(_) => {
                let Some(InputFile { path, is_pipe, .. }) = self.files.get(self.current) else {
                    return Ok(false);
                };
                let input = open(path, *is_pipe).map_err(|error| file_error(path, error))?;
                (input, *is_pipe, path.display().to_string())
            }
        };
        self.reader = Some(Lines::new(input, place, is_pipe));
        Ok(true)
    }

    /// Whether the input can be read once only.
    fn is_pipe(&self) -> bool {
        self.settings.path == FilePath::Stdin || self.files.iter().any(|file| file.is_pipe)
    }

    fn place(&self) -> String {
        match &self.settings.path {
            FilePath::Stdin => "standard input".to_owned(),
            FilePath::Path(path) => path.display().to_string(),
        }
    }

    /// The next record of any file.
    fn next_record(&mut self) -> Result<Next<(TopicPartition, i64, Line)>, SourceError> {
        if let Some(record) = self.waiting.take() {
            return Ok(Next::Record(record));
        }
        loop {
            if self.reader.is_none() && !self.open_next()? {
                return Ok(Next::End);
            }
            let Some(lines) = &mut self.reader else { continue };
            match lines.next_record(self.settings.format)? {
                Next::Record((offset, Line::Record(record))) => {
                    self.require_known_places(&record)?;
                    let partition = self.partition_of(&record)?;
                    return Ok(Next::Record((partition, record.offset.unwrap_or(offset), Line::Record(record))));
                }
                Next::Record((offset, Line::Malformed(bytes, why))) => {
                    self.require_countable(&why)?;
                    let partition = self.partition_of(&RecordLine::default())?;
                    return Ok(Next::Record((partition, offset, Line::Malformed(bytes, why))));
                }
                Next::NotYet => return Ok(Next::NotYet),
                Next::End => {}
            }
            self.note_end();
            self.reader = None;
            self.places = Places::default();
            self.current += 1;
        }
    }

    /// A record that says where it belongs must not meet a malformed line there.
    fn require_known_places(&mut self, record: &RecordLine) -> Result<(), SourceError> {
        if record.partition.is_none() && record.offset.is_none() {
            return Ok(());
        }
        if self.places == Places::Counted {
            return Err(
                self.line_error("the line names its place, and an earlier line is not a record: correct that one")
            );
        }
        self.places = Places::Named;
        Ok(())
    }

    /// A malformed line becomes a dead letter at its line's number, unless the lines around it count otherwise.
    fn require_countable(&mut self, why: &str) -> Result<(), SourceError> {
        if self.places == Places::Named {
            return Err(self.line_error(&format!(
                "{why}; other lines name their `partition` or `offset`, so a dead letter would have no place: correct the line"
            )));
        }
        self.places = Places::Counted;
        Ok(())
    }

    fn line_error(&self, message: &str) -> SourceError {
        let place =
            self.reader.as_ref().map_or_else(|| self.place(), |lines| format!("{}:{}", lines.place, lines.count));
        SourceError::Line { place, message: message.to_owned() }
    }

    fn partition_of(&mut self, record: &RecordLine) -> Result<TopicPartition, SourceError> {
        let topic = record.topic.as_deref().unwrap_or(&self.settings.topic);
        if let Some(partition) = record.partition {
            return Ok(TopicPartition::new(topic, partition));
        }
        let file = self.files.get(self.current);
        // Only here: twins whose lines name their partitions do no harm.
        if let Some((file, twin)) = file.and_then(|file| Some((file, file.twin.as_ref()?))) {
            let message = format!(
                "it begins with the same line as {}, so the tables could not tell the lines of both apart: remove it if it \
                 is a copy, or give its lines a `partition` and an `offset`",
                twin.display()
            );
            return Err(file_error(&file.path, message));
        }
        let partition = TopicPartition::new(topic, file.map_or(0, |file| file.partition));
        // Looked up first, because `insert` would clone the partition for each line.
        if record.offset.is_none() && !self.unnamed.contains_key(&partition) {
            self.unnamed.insert(partition.clone(), file.and_then(|file| file.identity));
        }
        Ok(partition)
    }

    /// Says so if the tables had all lines of a file before.
    fn note_end(&self) {
        let (Some(lines), Some(file)) = (&self.reader, self.files.get(self.current)) else { return };
        let partition = TopicPartition::new(self.settings.topic.as_str(), file.partition);
        if lines.count > 0 && self.starts.get(&partition).is_some_and(|start| *start >= lines.count) {
            info!("nothing new: all {} lines of {} are in the tables", lines.count, lines.place);
        }
    }

    /// A pipe has no identity: what is in the tables may be of another input.
    fn require_fresh_input(&self, starts: &Offsets) -> Result<(), SourceError> {
        let taken = starts.iter().find(|(partition, start)| **start > 0 && self.unnamed.contains_key(partition));
        match taken {
            Some((partition, start)) if self.is_pipe() => {
                let message = format!(
                    "the tables have {start} lines of {partition} from an earlier input, and this one may be another: write \
                     it to a file and set `source.file.path`, or give the pipeline another `name`"
                );
                Err(SourceError::File { place: self.place(), message })
            }
            _ => Ok(()),
        }
    }
}

impl Source for FileSource {
    async fn poll(&mut self, intake: &mut Intake) -> Result<Polled, SourceError> {
        while !intake.is_full() {
            let (partition, offset, record) = match self.next_record()? {
                Next::Record(record) => record,
                // What has come must not wait for what has not.
                _ if !intake.is_empty() => return Ok(Polled::Records),
                Next::NotYet => return Ok(Polled::Idle),
                Next::End => return Ok(Polled::End),
            };
            if !self.known.contains(&partition) {
                // The record has been read from the input, and a pipe cannot be read back.
                self.waiting = Some((partition.clone(), offset, record));
                if intake.is_empty() {
                    return Ok(Polled::Assigned(vec![partition]));
                }
                break;
            }
            match record {
                Line::Record(record) => {
                    let timestamp = record.timestamp.unwrap_or(-1);
                    let (key, value) = (record.key.as_deref(), record.value.as_deref());
                    intake.push(&partition.topic, partition.partition, offset, timestamp, key, value, record.headers());
                }
                Line::Malformed(line, why) => {
                    intake.push_malformed(&partition.topic, partition.partition, offset, &line, why);
                }
            }
            // A writer that is never quite silent must not keep the walk from flushing: what is there now is enough.
            if self.reader.as_ref().is_some_and(Lines::must_wait) {
                break;
            }
        }
        Ok(Polled::Records)
    }

    fn keep_alive(&mut self) -> Result<Polled, SourceError> {
        Ok(Polled::Idle)
    }

    /// A file that was replaced has another identity, as a recreated topic has another id.
    async fn bounds(&mut self, partitions: &[TopicPartition]) -> Result<PartitionBounds, SourceError> {
        let bounds = partitions.iter().map(|partition| {
            let topic_id = self.unnamed.get(partition).copied().flatten();
            (partition.clone(), OffsetBounds { start: 0, range: None, topic_id })
        });
        Ok(bounds.collect())
    }

    async fn topic_ids(&mut self, _topics: &BTreeSet<Arc<str>>) -> Result<TopicIds, SourceError> {
        Ok(TopicIds::new())
    }

    /// The walk skips what the tables have: a partition that is new starts where the file stands, and a partition that
    /// is known already has to be read again from the beginning.
    async fn start(&mut self, starts: &Offsets) -> Result<(), SourceError> {
        // Before `known` takes in the new ones, or each first start would look like a rewind.
        let again = starts.keys().any(|partition| self.known.contains(partition));
        self.known.extend(starts.keys().cloned());
        self.starts.extend(starts.clone());
        if !again {
            return self.require_fresh_input(starts);
        }
        if self.is_pipe() {
            let message = "cannot be read a second time; run the command again with the same input";
            return Err(SourceError::File { place: self.place(), message: message.to_owned() });
        }
        self.current = 0;
        self.reader = None;
        self.places = Places::default();
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

pub(super) fn file_error(path: &Path, message: impl ToString) -> SourceError {
    SourceError::File { place: path.display().to_string(), message: message.to_string() }
}

#[cfg(test)]
mod tests {
    use sluicebox_settings::RecordFormat;

    use super::*;

    fn write(folder: &Path, name: &str, lines: &[&str]) {
        std::fs::write(folder.join(name), lines.join("\n")).unwrap();
    }

    /// What a run brings into a ledger, and where it refuses to go on: a walk in small.
    async fn run(
        path: &Path,
        ledger: &mut BTreeMap<TopicPartition, (i64, Option<i64>)>,
    ) -> Result<Vec<String>, String> {
        let settings =
            FileSettings { path: FilePath::Path(path.to_owned()), format: RecordFormat::Lines, topic: "p".to_owned() };
        let mut source = FileSource::new(settings).map_err(|error| error.to_string())?;
        let mut rows = Vec::new();
        loop {
            let mut intake = Intake::new(100, 1 << 20);
            match source.poll(&mut intake).await.map_err(|error| error.to_string())? {
                Polled::End => return Ok(rows),
                Polled::Assigned(partitions) => {
                    let mut starts = Offsets::new();
                    for (partition, bounds) in source.bounds(&partitions).await.unwrap() {
                        let (next, identity) = *ledger.entry(partition.clone()).or_insert((0, bounds.topic_id));
                        if identity != bounds.topic_id {
                            return Err(format!("{partition} is of another file"));
                        }
                        starts.insert(partition, next);
                    }
                    source.start(&starts).await.map_err(|error| error.to_string())?;
                }
                _ => {}
            }
            for batch in intake.batches() {
                let partition = TopicPartition::new(batch.topic.clone(), batch.partition);
                let (next, _) = ledger.get_mut(&partition).unwrap();
                for index in (0..batch.len()).filter(|index| batch.offsets[*index] >= *next) {
                    rows.push(String::from_utf8_lossy(batch.record(index).value.unwrap()).into_owned());
                }
                *next = (*next).max(batch.offsets.last().unwrap() + 1);
            }
        }
    }

    #[tokio::test]
    async fn a_rotated_folder_is_read_once_and_whole() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = BTreeMap::new();
        write(folder.path(), "app.log", &["mon1", "mon2"]);
        assert_eq!(run(folder.path(), &mut ledger).await.unwrap(), ["mon1", "mon2"]);
        std::fs::rename(folder.path().join("app.log"), folder.path().join("app.log.1")).unwrap();
        write(folder.path(), "app.log", &["tue1"]);
        write(folder.path(), ".DS_Store", &["?"]);
        write(folder.path(), "aaa.tmp", &["half"]);
        assert_eq!(run(folder.path(), &mut ledger).await.unwrap(), ["tue1"]);
        write(folder.path(), "a-earlier-name.log", &["sun1"]);
        write(folder.path(), "app.log", &["tue1", "tue2"]);
        assert_eq!(run(folder.path(), &mut ledger).await.unwrap(), ["sun1", "tue2"]);
        assert_eq!(run(folder.path(), &mut ledger).await.unwrap(), Vec::<String>::new());
    }

    /// The lines of a file of records, by offset: `!` and the reason of those that are malformed.
    async fn records(text: &str) -> Result<Vec<String>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.jsonl");
        std::fs::write(&path, text).unwrap();
        let settings =
            FileSettings { path: FilePath::Path(path), format: RecordFormat::JsonLines, topic: "p".to_owned() };
        let mut source = FileSource::new(settings).map_err(|error| error.to_string())?;
        let mut lines = Vec::new();
        loop {
            let mut intake = Intake::new(100, 1 << 20);
            let polled = source.poll(&mut intake).await;
            match polled.map_err(|error| format!("{:?}: {error}", error.kind()))? {
                Polled::Assigned(partitions) => {
                    let starts = partitions.into_iter().map(|partition| (partition, 0)).collect();
                    source.start(&starts).await.map_err(|error| error.to_string())?;
                }
                Polled::End => break,
                _ => {}
            }
            for batch in intake.batches() {
                for record in 0..batch.len() {
                    let reasons = intake.malformed().reasons(&batch.slice(record..record + 1));
                    let value = String::from_utf8_lossy(batch.record(record).value.unwrap_or_default()).into_owned();
                    let mark = if reasons.is_empty() { "" } else { "!" };
                    lines.push(format!("{}: {mark}{value}", batch.offsets[record]));
                }
            }
        }
        Ok(lines)
    }

    #[tokio::test]
    async fn a_malformed_line_keeps_its_place_and_its_bytes() {
        let text = "{\"value\": \"a\"}\n{\"value\": \n\n{\"id\": 7}\n{\"value\": \"b\"}";
        assert_eq!(records(text).await.unwrap(), ["0: a", "1: !{\"value\": ", "3: !{\"id\": 7}", "4: b"]);
    }

    #[tokio::test]
    async fn where_lines_name_their_places_a_malformed_one_is_an_error_with_its_line() {
        let named = "{\"offset\": 5, \"value\": \"a\"}";
        for (text, line) in
            [(format!("{named}\noops"), "r.jsonl:2: not JSON"), (format!("oops\n{named}"), "r.jsonl:2: the line")]
        {
            let error = records(&text).await.unwrap_err();
            assert!(error.starts_with("Configuration") && error.contains(line), "{error}");
        }
    }

    #[tokio::test]
    async fn a_replaced_file_is_not_taken_for_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = BTreeMap::new();
        write(folder.path(), "orders.txt", &["mon1", "mon2"]);
        let file = folder.path().join("orders.txt");
        assert_eq!(run(&file, &mut ledger).await.unwrap(), ["mon1", "mon2"]);
        write(folder.path(), "orders.txt", &["mon1", "mon2", "mon3"]);
        assert_eq!(run(&file, &mut ledger).await.unwrap(), ["mon3"]);
        write(folder.path(), "orders.txt", &["tue1", "tue2", "tue3", "tue4"]);
        assert_eq!(run(&file, &mut ledger).await.unwrap_err(), "p/0 is of another file");
    }

    #[tokio::test]
    async fn files_that_begin_alike_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "a.csv", &["id,name", "1,x"]);
        write(folder.path(), "b.csv", &["id,name", "2,y"]);
        let error = run(folder.path(), &mut BTreeMap::new()).await.unwrap_err();
        assert!(error.contains("b.csv") && error.contains("a.csv") && error.contains("`partition`"), "{error}");
    }

    #[tokio::test]
    async fn standard_input_is_refused_where_the_tables_have_lines_already() {
        let settings = FileSettings { path: FilePath::Stdin, format: RecordFormat::Lines, topic: "p".to_owned() };
        let mut source = FileSource::new(settings).unwrap();
        let partition = source.partition_of(&RecordLine::default()).unwrap();
        source.start(&[(partition.clone(), 0)].into()).await.unwrap();
        source.known.clear();
        let error = source.start(&[(partition, 2)].into()).await.unwrap_err().to_string();
        assert!(error.contains("2 lines of p/0") && error.contains("source.file.path"), "{error}");
        // A line with a position of its own says which record it is.
        let positioned = RecordLine { partition: Some(3), offset: Some(7), ..RecordLine::default() };
        let partition = source.partition_of(&positioned).unwrap();
        source.start(&[(partition, 7)].into()).await.unwrap();
    }
}
