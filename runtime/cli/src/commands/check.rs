//! `sluicebox check`: everything that can be known to be wrong with a pipeline before its first record, offline.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use sluicebox_delta::TableError;
use sluicebox_delta::table::probe;
use sluicebox_ledger::ErrorKind;
use sluicebox_pipeline::PipelineError;
use sluicebox_pipeline::source::file::FileSource;
use sluicebox_pipeline::tables::Tables;
use sluicebox_registry::{Opened, RegistryError};
use sluicebox_sandbox::{ConfigureError, Sandbox, Transform};
use sluicebox_settings::{Diagnostic, Document, Place, SettingsError, SourceSettings, TransformOrigin, did_you_mean};

use super::document::{reached, title};
use super::run::blamed;
use crate::cache;
use crate::exit::{Blame as _, Failure, Outcome, Verdict};
use crate::terminal::{self, Paint, counted};

/// Check a pipeline file, its transform and its tables, without Kafka
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The pipeline's YAML file
    #[arg(default_value = "pipeline.yaml", env = "SLUICEBOX_PIPELINE", hide_env = true)]
    pipeline: PathBuf,
}

impl Check {
    pub(crate) fn run(self) -> Outcome {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let sandbox = Sandbox::new().environment("cannot set up the sandbox")?;
        let (document, opened) = runtime.block_on(checked(&self.pipeline, &sandbox))?;
        let transform = opened.transform;
        let description = transform.description();
        let paint = Paint::stdout();
        let mut out = terminal::stdout();
        writeln!(out, "{} {}", paint.good("✓"), title(&self.pipeline))?;
        writeln!(out, "  pipeline   {}", document.settings().name)?;
        writeln!(
            out,
            "  transform  {} {}  {}",
            description.name,
            description.version,
            paint.faint(transform.digest())
        )?;
        for (name, table) in &document.settings().tables {
            writeln!(out, "  table      {name} → {}", table.path)?;
        }
        writeln!(out, "  dead       {}", document.settings().dead_letters.path)?;
        Ok(Verdict::Good)
    }
}

/// What a table out of reach means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum OutOfReach {
    /// The check has failed.
    IsFailure,
    /// It will be opened later.
    IsFine,
}

/// Reads the file, loads its transform and makes sure that they and the tables fit together; shows what is wrong.
pub(super) async fn checked(path: &Path, sandbox: &Sandbox) -> Result<(Document, Opened), Failure> {
    let document = reached(path).await?;
    let opened = fitting(&document, sandbox, OutOfReach::IsFailure).await?;
    for (name, location) in document.settings().all_tables() {
        probe(name, location).map_err(|error| placed(&document, error))?;
    }
    Ok((document, opened))
}

/// The same for `run`. A promotion that does not fit is shown as well, but the channel's previous transform runs then, as it
/// does where it was running already.
pub(super) async fn runnable(path: &Path, sandbox: &Sandbox) -> Result<(Document, Opened), Failure> {
    let document = reached(path).await?;
    let failure = match fitting(&document, sandbox, OutOfReach::IsFine).await {
        Ok(opened) => return Ok((document, opened)),
        // A store that fails says nothing about the promotion: no earlier transform runs because of it.
        Err(failure @ Failure::Environment(_)) => return Err(failure),
        Err(failure) => failure,
    };
    let earlier = sluicebox_registry::open_earlier(document.settings(), sandbox, cache::compiled().as_ref()).await;
    match earlier.map_err(Failure::environment)? {
        Some(earlier) => {
            tracing::warn!(transform_digest = %earlier.transform.digest(), "promotion refused: the channel's previous transform runs");
            Ok((document, earlier))
        }
        None => Err(failure),
    }
}

async fn fitting(document: &Document, sandbox: &Sandbox, tables: OutOfReach) -> Result<Opened, Failure> {
    let opened = sluicebox_registry::open(&document.settings().transform, sandbox, cache::compiled().as_ref()).await;
    let opened = opened.map_err(|error| unloadable(document, error))?;
    require_fit(document, &opened.transform, tables).await?;
    Ok(opened)
}

/// Makes sure that a transform fits a pipeline's file, and its tables; shows what is wrong.
pub(super) async fn require_fit(document: &Document, transform: &Transform, tables: OutOfReach) -> Result<(), Failure> {
    let mut faults = misplaced_tables(document, transform);
    faults.extend(refused_properties(document));
    faults.extend(unreadable_source(document));
    faults.extend(refused_configuration(document, transform)?);
    // The tables last: they are asked over the network, and a transform that is wrong anyway may not fit them.
    if faults.is_empty() {
        match misfitting_table(document, transform).await {
            Ok(fault) => faults.extend(fault),
            // `run` opens the tables later and waits longer for them.
            Err(Failure::Environment(_)) if tables == OutOfReach::IsFine => {}
            Err(failure) => return Err(failure),
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(shown(&document.faults(faults))) }
}

/// What is wrong with the transform, at its place in the file.
fn unloadable(document: &Document, error: RegistryError) -> Failure {
    let (code, key) = match (&error, &document.settings().transform.origin) {
        // First: a store that is down does not make the file wrong.
        (error, _) if error.kind().is_temporary() => return Failure::environment(error),
        (RegistryError::Key(_), _) => ("E0125", "keys"),
        (RegistryError::Load(_), TransformOrigin::File(_)) => ("E0120", "wasm"),
        (RegistryError::Load(_), TransformOrigin::Artifact(_)) => ("E0120", "artifact"),
        (RegistryError::Location { .. }, _) => ("E0124", "registry"),
        _ => ("E0124", "artifact"),
    };
    let fault = Diagnostic::new(code, error.to_string()).at(document.place(&["transform", key]));
    shown(&document.faults(vec![fault]))
}

pub(super) fn shown(error: &SettingsError) -> Failure {
    terminal::tell(format_args!("{}", error.render(Paint::stderr().is_on())));
    let count = error.diagnostics().len();
    if count > 1 {
        terminal::tell(format_args!("\n{}", counted(count, "error")));
    }
    Failure::shown_usage()
}

/// Each table of the transform needs an entry in the file, and each entry a table.
fn misplaced_tables(document: &Document, transform: &Transform) -> Vec<Diagnostic> {
    let written: Vec<&str> = transform.description().tables.iter().map(|table| table.name.as_str()).collect();
    let placed = &document.settings().tables;
    let name = &transform.description().name;
    let missing = written.iter().filter(|table| !placed.contains_key(**table)).map(|table| {
        Diagnostic::new(
            "E0121",
            format!("the transform `{name}` writes table `{table}`, which is not listed under `tables`"),
        )
        .at(document.key_place(&["tables"]))
        .label(format!("add `{table}: {{path: …}}` below this"))
    });
    let unknown = placed.keys().filter(|table| !written.contains(&table.as_str())).map(|table| {
        let fault = Diagnostic::new("E0121", format!("the transform `{name}` does not write a table `{table}`"))
            .at(document.key_place(&["tables", table]))
            .help(format!("it writes {}", written.join(", ")));
        match did_you_mean(table, written.iter().copied()) {
            Some(meant) => fault.label(format!("did you mean `{meant}`?")),
            None => fault.label("remove it"),
        }
    });
    missing.chain(unknown).collect()
}

/// A table that is there already must have the columns that the transform writes.
async fn misfitting_table(document: &Document, transform: &Transform) -> Result<Option<Diagnostic>, Failure> {
    let (table, location, differences) = match Tables::check(document.settings(), transform).await {
        Ok(()) => return Ok(None),
        Err(PipelineError::Table(TableError::Schema { table, location, differences })) => {
            (table, location, differences)
        }
        Err(error) => return Err(placed(document, error)),
    };
    let place = table_place(document, &table);
    let fault = Diagnostic::new("E0123", format!("the table at {location} does not fit the transform"));
    let differences: Vec<String> = differences.iter().map(ToString::to_string).collect();
    Ok(Some(
        fault.at(place).label("give the table another folder, or change the transform").help(differences.join("\n")),
    ))
}

/// Where the file says where a table lies.
fn table_place(document: &Document, table: &str) -> Place {
    match document.settings().tables.contains_key(table) {
        true => document.place(&["tables", table, "path"]),
        false => document.place(&["dead_letters", "path"]),
    }
}

/// An error of a run, at its place in the file if that is a table's.
pub(super) fn placed(document: &Document, error: impl Into<PipelineError>) -> Failure {
    let error = error.into();
    let (code, table) = match &error {
        PipelineError::Table(TableError::Refused { table, .. }) => ("E0127", table),
        PipelineError::Table(TableError::OneTable { other: table, .. }) => ("E0112", table),
        PipelineError::Table(TableError::Unsupported { table, .. }) => ("E0126", table),
        _ => return blamed(error),
    };
    let said = error.to_string();
    let message = said.strip_prefix(code).unwrap_or(&said).trim_start();
    let fault = Diagnostic::new(code, message).at(table_place(document, table));
    let shown = shown(&document.faults(vec![fault]));
    match error.kind() {
        ErrorKind::Configuration => shown,
        _ => Failure::Shown(ExitCode::from(3)),
    }
}

/// A file source finds its files now, as it will at the start of a run, and reads no record of them.
fn unreadable_source(document: &Document) -> Option<Diagnostic> {
    let SourceSettings::File(file) = &document.settings().source else { return None };
    let error = FileSource::new(file.clone()).err()?;
    Some(Diagnostic::new("E0110", error.to_string()).at(document.place(&["source", "file", "path"])))
}

/// librdkafka itself checks its properties.
fn refused_properties(document: &Document) -> Option<Diagnostic> {
    let SourceSettings::Kafka(kafka) = &document.settings().source else { return None };
    let error = sluicebox_kafka::check_properties(kafka).err()?;
    Some(Diagnostic::new("E0118", error.to_string()).at(document.key_place(&["source", "kafka", "properties"])))
}

/// The transform itself checks its configuration.
fn refused_configuration(document: &Document, transform: &Transform) -> Result<Option<Diagnostic>, Failure> {
    let configuration = document.settings().transform.configuration.to_string();
    let message = match transform.worker(&configuration) {
        Ok(_) => return Ok(None),
        Err(ConfigureError::Host(error)) => return Err(Failure::environment(error)),
        Err(refusal) => refusal.to_string(),
    };
    let fault = Diagnostic::new("E0122", message).at(document.key_place(&["transform", "configuration"]));
    Ok(Some(match &transform.description().configuration_schema {
        Some(schema) => fault.help(format!("its schema: {schema}")),
        None => fault,
    }))
}
