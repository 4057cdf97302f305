//! How the command line says which dead letters are meant.

use std::time::SystemTime;

use clap::{Args, ValueEnum};
use sluicebox_pipeline::dead_letter::{Selection, Span, Stage, Status, moment};

/// Which dead letters; each option narrows the choice.
#[derive(Debug, Args)]
pub(super) struct Choice {
    /// Those of this reason; may be given several times
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
    /// The transform said so
    Transform,
    /// It trapped or exceeded a limit
    Sandbox,
    /// A row does not fit its table
    Schema,
}

/// The statuses of dead letters, and all of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum StatusChoice {
    /// Nobody has done anything about it
    #[default]
    Open,
    /// Claimed by a redrive that has not ended
    Redriving,
    /// In the tables by now, or filtered
    Redriven,
    /// Said not to matter
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
            Self::All => Vec::new(),
        }
    }
}

fn moment_now(text: &str) -> Result<i64, String> {
    moment(text, SystemTime::now()).map_err(|error| error.to_string())
}
