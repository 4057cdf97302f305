//! Which files a file source reads, and what identifies each: its first line, not its name or its place in the folder. So a file
//! that is rotated or renamed is the same, and another file under an old name is another.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use sluicebox_sandbox::Digest;

use super::SourceError;
use super::file::file_error;

/// How much of a first line identifies its file.
const IDENTITY_BYTES_MAX: u64 = 64 * 1024;

/// A file to read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct InputFile {
    pub(super) path: PathBuf,
    /// The partition of lines that name none.
    pub(super) partition: i32,
    /// What the ledger remembers of the file, as it remembers a topic's id; none for an empty file.
    pub(super) identity: Option<i64>,
    /// Another file that begins with the same line: the ledger could not tell the lines of both apart.
    pub(super) twin: Option<PathBuf>,
    /// It is a named pipe or a device, which can be read once only.
    pub(super) is_pipe: bool,
}

impl InputFile {
    /// The only file: its partition is 0.
    pub(super) fn alone(path: &Path) -> Result<Self, SourceError> {
        // Looking for a pipe's first line would take it away.
        if !path.is_file() {
            return Ok(Self { path: path.to_owned(), partition: 0, identity: None, twin: None, is_pipe: true });
        }
        let digest = first_line(path).map_err(|error| file_error(path, error))?.map(|line| Digest::of(&line));
        let identity = digest.as_ref().map(number);
        Ok(Self { path: path.to_owned(), partition: 0, identity, twin: None, is_pipe: false })
    }

    /// The files of a folder, by name. The partition of each is a part of its identity, so it stays the same when files come and
    /// go. Files that are hidden, or that a writer has not finished (`*.tmp`), are left out.
    pub(super) fn all_in(folder: &Path) -> Result<Vec<Self>, SourceError> {
        let entries = std::fs::read_dir(folder).map_err(|error| file_error(folder, error))?;
        let paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>();
        let mut paths = paths.map_err(|error| file_error(folder, error))?;
        paths.retain(|path| path.is_file() && is_finished(path));
        // `read_dir` promises no order, and a partition that lines name may go through several files in order.
        paths.sort();
        if paths.is_empty() {
            return Err(file_error(folder, "the folder holds no files; see `source.file.path`"));
        }
        let mut files = paths.iter().map(|path| Self::alone(path)).collect::<Result<Vec<_>, _>>()?;
        let mut first_of: BTreeMap<i32, PathBuf> = BTreeMap::new();
        for file in &mut files {
            let Some(identity) = file.identity else { continue };
            file.partition = (identity >> 32) as i32;
            file.twin = first_of.insert(file.partition, file.path.clone());
        }
        Ok(files)
    }
}

fn is_finished(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    !name.starts_with('.') && !name.ends_with(".tmp")
}

/// The first line that is not blank, without its end; none if there is none.
fn first_line(path: &Path) -> std::io::Result<Option<Vec<u8>>> {
    let mut input = BufReader::new(File::open(path)?.take(IDENTITY_BYTES_MAX));
    loop {
        let mut line = Vec::new();
        if input.read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        // Without a `\r`, too: other line ends do not make it another file.
        let line = line.trim_ascii_end();
        if !line.is_empty() {
            return Ok(Some(line.to_vec()));
        }
    }
}

/// 63 bits of a digest: a ledger holds no negative numbers.
fn number(digest: &Digest) -> i64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&digest.as_bytes()[..8]);
    i64::from_be_bytes(bytes) & i64::MAX
}
