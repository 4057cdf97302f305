//! What can go wrong with a source.

use sluicebox_ledger::{ClientError, ErrorKind};

/// A source cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The client of a broker cannot reach it, or is refused.
    #[error(transparent)]
    Client(#[from] ClientError),

    /// A file of records cannot be read.
    #[error("{place}: {message}")]
    File {
        /// The file, and the line where known.
        place: String,
        /// What is wrong, and what to do.
        message: String,
    },

    /// A line is not a record, and cannot become a dead letter.
    #[error("{place}: {message}")]
    Line {
        /// The file and the line.
        place: String,
        /// What is wrong, and what to do.
        message: String,
    },
}

impl SourceError {
    /// Who can mend it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Client(error) => error.kind(),
            Self::File { .. } => ErrorKind::Stop,
            Self::Line { .. } => ErrorKind::Configuration,
        }
    }
}
