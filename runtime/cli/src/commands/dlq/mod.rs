//! `sluicebox dlq`: lists, shows, reprocesses and discards dead letters. It shows payloads only on request.

mod discard;
mod ls;
mod mask;
mod redrive;
mod selection;
mod show;
pub(super) use show::find;

use std::future::Future;
use std::path::PathBuf;

use chrono::{DateTime, SecondsFormat};
use clap::{Args, Subcommand};
use sluicebox_delta::dead_letter::Letters;
use sluicebox_settings::Document;

use super::document::document;
use super::run::blamed;
use crate::exit::{Blame as _, Failure, Outcome};

/// List, show, reprocess and discard dead letters
#[derive(Debug, Args)]
pub(crate) struct Dlq {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Ls(ls::Ls),
    Show(show::Show),
    Redrive(redrive::Redrive),
    Discard(discard::Discard),
}

impl Dlq {
    pub(crate) fn run(self) -> Outcome {
        match self.command {
            Command::Ls(ls) => ls.run(),
            Command::Show(show) => show.run(),
            Command::Redrive(redrive) => redrive.run(),
            Command::Discard(discard) => discard.run(),
        }
    }
}

/// The pipeline of the dead letters.
#[derive(Debug, Args)]
pub(super) struct PipelineFile {
    /// The pipeline's YAML file
    #[arg(default_value = "pipeline.yaml")]
    pub(super) pipeline: PathBuf,
}

/// The dead letters of a pipeline; a failure if there is no table of them yet.
pub(super) async fn letters(document: &Document) -> Result<Letters, Failure> {
    let letters = Letters::open(document.settings()).await.map_err(blamed)?;
    letters.ok_or_else(|| {
        let place = &document.settings().dead_letters.path;
        Failure::usage(format!(
            "there is no dead-letter table at {place} yet: the pipeline makes it when it first runs"
        ))
    })
}

/// Waits for something that reads tables.
pub(in crate::commands) fn wait<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build();
    runtime.environment("cannot start the threads")?.block_on(future)
}

/// A moment for people and programs: `2026-01-31T12:00:00.123Z`.
pub(super) fn moment(micros: i64) -> String {
    let moment = DateTime::from_timestamp_micros(micros);
    moment.map_or_else(|| micros.to_string(), |moment| moment.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}
