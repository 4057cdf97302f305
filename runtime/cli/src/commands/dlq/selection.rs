//! How the command line selects dead letters.

use std::time::SystemTime;

use clap::{Args, ValueEnum};
use sluicebox_delta::dead_letter::{Selection, Span, Status, moment};
use sluicebox_ledger::Stage;

/// Which dead letters; each option narrows the choice.
#[derive(Debug, Args)]
pub(super) struct Choice {
    /// Those with this reason code; may be given several times
    #[arg(long, value_name = "CODE")]
    code: Vec<String>,
    /// Those rejected at this stage
    #[arg(long, value_enum)]
    stage: Option<StageChoice>,
    /// Those rejected since: `2026-01-31T12:00:00Z`, or how long ago, such as `90m`
    #[arg(long, value_name = "TIME", value_parser = moment_now)]
    since: Option<i64>,
    /// Those rejected before: `2026-01-31T12:00:00Z`, or how long ago, such as `90m`
    #[arg(long, value_name = "TIME", value_parser = moment_now)]
    until: Option<i64>,
    /// Those at `topic/partition@offset`, or at `topic/partition@first-last`; may be given several times
    #[arg(long, value_name = "POSITION")]
    at: Vec<Span>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum StageChoice {
    /// The transform rejected the record
    Transform,
    /// The transform crashed or exceeded a limit
    Sandbox,
    /// A row does not fit its table
    Schema,
}

/// The statuses of dead letters, and all of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum StatusChoice {
    /// Not handled yet
    #[default]
    Open,
    /// A redrive that has not ended has claimed it
    Redriving,
    /// Reprocessed: in the tables, or filtered
    Redriven,
    /// Marked as ignored
    Discarded,
    /// All of these
    All,
}

impl Choice {
    pub(super) fn selection(&self, status: StatusChoice) -> Selection {
        Selection {
            codes: self.code.clone(),
            stage: self.stage.map(|stage| match stage {
                StageChoice::Transform => Stage::Transform,
                StageChoice::Sandbox => Stage::Sandbox,
                StageChoice::Schema => Stage::Schema,
            }),
            statuses: status.statuses(),
            since: self.since,
            until: self.until,
            spans: self.at.clone(),
            resolution: None,
        }
    }
}

impl StatusChoice {
    fn statuses(self) -> Vec<Status> {
        match self {
            Self::Open => vec![Status::Open],
            Self::Redriving => vec![Status::Redriving],
            Self::Redriven => vec![Status::Redriven],
            Self::Discarded => vec![Status::Discarded],
            // An empty list restricts nothing.
            Self::All => Vec::new(),
        }
    }
}

fn moment_now(text: &str) -> Result<i64, String> {
    moment(text, SystemTime::now()).map_err(|error| error.to_string())
}
