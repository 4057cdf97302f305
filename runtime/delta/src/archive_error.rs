//! What can go wrong with the archive beside the dead-letter table.

use object_store::path::Path;
use sluicebox_ledger::ErrorKind;

use crate::store_refusal::refusal;

/// An object of the archive cannot be read or written, or cannot be trusted.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The store is unavailable, or refuses.
    #[error("the archive beside the dead letters at {location}: {doing} {object} failed: {source}")]
    Store {
        /// The table's location.
        location: String,
        /// What was being done.
        doing: &'static str,
        /// The object.
        object: Path,
        /// The store's own words.
        source: object_store::Error,
    },
    /// The object is missing.
    #[error("{object} is not in the archive beside the dead letters at {location}: {advice}")]
    Missing {
        /// The table's location.
        location: String,
        /// The object.
        object: Path,
        /// What to do.
        advice: &'static str,
    },
    /// The object is not what was written.
    #[error("{object} in the archive beside the dead letters at {location} is damaged: {why}; put the original back")]
    Damaged {
        /// The table's location.
        location: String,
        /// The object.
        object: Path,
        /// What shows the damage.
        why: String,
    },
}

impl ArchiveError {
    /// Whether a retry helps, and if not, who can fix it.
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::Store { source, .. } => refusal(source).map_or(ErrorKind::Environment, |refusal| refusal.kind()),
            Self::Missing { .. } | Self::Damaged { .. } => ErrorKind::Stop,
        }
    }
}
