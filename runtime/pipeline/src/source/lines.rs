//! The lines of an input, one after the other: a record, or a line that is none. Knows where a line stands in its input, and not what
//! partition it belongs to.

use std::fs::File;
use std::io::{BufRead as _, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

use sluicebox_settings::RecordFormat;

use super::SourceError;
use super::piped::Piped;
use super::record_line::RecordLine;

/// An input that is read line by line.
pub(super) struct Lines {
    input: BufReader<Box<dyn Read + Send>>,
    pub(super) place: String,
    is_pipe: bool,
    /// The line being read: a pipe may end in the middle of it for now.
    line: Vec<u8>,
    /// Lines read so far.
    pub(super) count: i64,
}

/// A line of a file.
pub(super) enum Line {
    Record(RecordLine),
    /// Its bytes, and what is wrong with them.
    Malformed(Vec<u8>, String),
}

/// What comes next of an input.
pub(super) enum Next<T> {
    Record(T),
    /// The writer of a pipe has nothing for now.
    NotYet,
    End,
}

/// Opens a file.
pub(super) fn open(path: &Path, is_pipe: bool) -> std::io::Result<Box<dyn Read + Send>> {
    if !is_pipe {
        return Ok(Box::new(File::open(path)?));
    }
    // A named pipe lets its reader wait in `open` already, until a writer comes.
    let path = path.to_owned();
    Ok(Box::new(Piped::new(Lazy { path, file: None })?))
}

/// A file that is opened at the first read.
struct Lazy {
    path: PathBuf,
    file: Option<File>,
}

impl Read for Lazy {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(File::open(&self.path)?),
        };
        file.read(buffer)
    }
}

impl Lines {
    pub(super) fn new(input: Box<dyn Read + Send>, place: String, is_pipe: bool) -> Self {
        let input = BufReader::with_capacity(256 * 1024, input);
        Self { input, place, is_pipe, line: Vec::new(), count: 0 }
    }

    /// Whether nothing more has been read ahead from a pipe.
    pub(super) fn must_wait(&self) -> bool {
        self.is_pipe && self.input.buffer().is_empty()
    }

    /// The next line, and its place in the input, from 0.
    pub(super) fn next_record(&mut self, format: RecordFormat) -> Result<Next<(i64, Line)>, SourceError> {
        loop {
            // A pipe that has no more for now has left the beginning of a line in `self.line`, and goes on there.
            match self.input.read_until(b'\n', &mut self.line) {
                // With something in `line`, the input has ended in a last line without its newline.
                Ok(0) if self.line.is_empty() => return Ok(Next::End),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::TimedOut => return Ok(Next::NotYet),
                Err(error) => return Err(self.error(&error.to_string())),
            }
            let mut line = std::mem::take(&mut self.line);
            let offset = self.count;
            self.count += 1;
            if line.last() == Some(&b'\n') {
                line.pop();
            }
            return match format {
                RecordFormat::Lines => {
                    let record = RecordLine { value: Some(line), ..RecordLine::default() };
                    Ok(Next::Record((offset, Line::Record(record))))
                }
                // Counted all the same: an offset is the place of a line in its file, and errors name the line.
                RecordFormat::JsonLines if line.iter().all(u8::is_ascii_whitespace) => continue,
                RecordFormat::JsonLines => Ok(Next::Record(match RecordLine::parse(&line) {
                    Ok(record) => (offset, Line::Record(record)),
                    Err(error) => (offset, Line::Malformed(line, error.without_payload())),
                })),
            };
        }
    }

    fn error(&self, message: &str) -> SourceError {
        SourceError::File { place: format!("{}:{}", self.place, self.count), message: message.to_owned() }
    }
}
