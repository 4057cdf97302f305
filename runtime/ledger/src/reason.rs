//! Why a record was rejected. Pure.

use std::fmt;

/// Where a record was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// The source could not make a record of it.
    Source,
    /// The transform rejected it.
    Transform,
    /// The transform trapped, exceeded a limit, or returned something malformed.
    Sandbox,
    /// A row does not fit its table.
    Schema,
}

impl Stage {
    /// The text in the column `stage`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Transform => "transform",
            Self::Sandbox => "sandbox",
            Self::Schema => "schema",
        }
    }

    /// Reads the column's text.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Source, Self::Transform, Self::Sandbox, Self::Schema].into_iter().find(|stage| stage.as_str() == text)
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why one record of a batch is a dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The record's index in its batch.
    pub record: usize,
    /// Where it was rejected.
    pub stage: Stage,
    /// Short and stable, to group by.
    pub code: String,
    /// What is wrong, for people.
    pub message: String,
    /// The path within the record, if there is one.
    pub path: Option<String>,
    /// The guest's backtrace, if it trapped.
    pub backtrace: Option<String>,
}

impl From<sluicebox_sandbox::Rejection> for Reason {
    fn from(rejection: sluicebox_sandbox::Rejection) -> Self {
        Self {
            record: rejection.record,
            stage: match rejection.stage {
                sluicebox_sandbox::Stage::Transform => Stage::Transform,
                sluicebox_sandbox::Stage::Sandbox => Stage::Sandbox,
            },
            code: rejection.code,
            message: rejection.message,
            path: rejection.path,
            backtrace: rejection.backtrace,
        }
    }
}
