//! Will a retry help, and if not, who can fix it? Every error of the runtime answers this question through its `kind()`.

/// Who can fix a failure, and therefore what the walk does about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The walk itself: it reads the ledger again, goes back to it and continues.
    Rewind,
    /// The operator: the settings or the transform have to change (exit code 2).
    Configuration,
    /// Time: the environment may recover by itself, so the walk goes back to the ledger and tries again (exit code 3).
    Environment,
    /// The operator: a store denies access or does not accept the credentials. A process that starts ends (exit code 3); one
    /// that runs tries for some minutes before, because permissions and credentials take time to arrive.
    Refused,
    /// The operator: continuing would lose records, or cannot succeed (exit code 3).
    Stop,
    /// The operator, without hurry: a service reads no further and waits; a drain ends (exit code 1).
    Pause,
}

impl ErrorKind {
    /// Whether the same attempt may succeed later although no one changes anything.
    pub fn is_temporary(self) -> bool {
        match self {
            Self::Rewind | Self::Environment => true,
            Self::Configuration | Self::Refused | Self::Stop | Self::Pause => false,
        }
    }
}
