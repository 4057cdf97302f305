//! Input that may keep its reader waiting: standard input, a named pipe, a terminal. A thread waits for it, so that the walk
//! can flush what it has, hear a signal and answer probes meanwhile. Does not know what the bytes are.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

/// How long the walk is kept waiting for the next bytes.
const WAIT_DURATION: Duration = Duration::from_millis(100);
const CHUNK_BYTES: usize = 64 * 1024;
/// Chunks read ahead: 256 KiB in all, even if the writer offers more.
const CHUNKS_MAX: usize = 4;

/// The reader's end. [`Read::read`] fails with [`io::ErrorKind::TimedOut`] where there is nothing to read yet.
pub(super) struct Piped {
    chunks: Receiver<io::Result<Vec<u8>>>,
    chunk: Vec<u8>,
    /// How much of the chunk has been read.
    read: usize,
}

impl Piped {
    /// Reads `input` ahead from now on. The thread ends with the input, or with the process.
    pub(super) fn new(input: impl Read + Send + 'static) -> io::Result<Piped> {
        let (sender, chunks) = sync_channel(CHUNKS_MAX);
        thread::Builder::new().name("input".to_owned()).spawn(move || read_ahead(input, &sender))?;
        Ok(Piped { chunks, chunk: Vec::new(), read: 0 })
    }
}

fn read_ahead(mut input: impl Read, sender: &SyncSender<io::Result<Vec<u8>>>) {
    loop {
        let mut chunk = vec![0; CHUNK_BYTES];
        let message = match input.read(&mut chunk) {
            // Dropping the sender is the end of the input.
            Ok(0) => return,
            Ok(length) => {
                chunk.truncate(length);
                Ok(chunk)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
        let is_last = message.is_err();
        // A walk that has ended takes no more.
        if sender.send(message).is_err() || is_last {
            return;
        }
    }
}

impl Read for Piped {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // Only then: to wait while bytes are at hand would keep back lines that have come.
        if self.read == self.chunk.len() {
            self.chunk = match self.chunks.recv_timeout(WAIT_DURATION) {
                Ok(chunk) => chunk?,
                Err(RecvTimeoutError::Timeout) => return Err(io::ErrorKind::TimedOut.into()),
                Err(RecvTimeoutError::Disconnected) => return Ok(0),
            };
            self.read = 0;
        }
        let length = buffer.len().min(self.chunk.len() - self.read);
        buffer[..length].copy_from_slice(&self.chunk[self.read..self.read + length]);
        self.read += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader};

    use super::*;

    /// An input that gives one piece after the other, and waits where there is none.
    struct Pieces(Receiver<Vec<u8>>);

    impl Read for Pieces {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let Ok(piece) = self.0.recv() else { return Ok(0) };
            buffer[..piece.len()].copy_from_slice(&piece);
            Ok(piece.len())
        }
    }

    #[test]
    fn a_reader_waits_for_a_moment_and_goes_on_in_the_middle_of_a_line() {
        let (writer, pieces) = sync_channel(1);
        let mut input = BufReader::new(Piped::new(Pieces(pieces)).unwrap());
        let mut line = Vec::new();
        writer.send(b"one\ntw".to_vec()).unwrap();
        assert_eq!(input.read_until(b'\n', &mut line).unwrap(), 4);
        line.clear();
        let waited = input.read_until(b'\n', &mut line).unwrap_err();
        assert_eq!((waited.kind(), line.as_slice()), (io::ErrorKind::TimedOut, &b"tw"[..]));
        writer.send(b"o\n".to_vec()).unwrap();
        input.read_until(b'\n', &mut line).unwrap();
        assert_eq!(line, b"two\n");
        drop(writer);
        line.clear();
        assert_eq!(input.read_until(b'\n', &mut line).unwrap(), 0);
    }
}
