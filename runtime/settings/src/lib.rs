//! The settings of one pipeline: what its YAML file may say, and what the rest of the program gets to see.
//!
//! The crate reads a file in four steps, each in its own module:
//!
//! 1. [`tree`]: text → a tree of values in which every value knows its place in the text;
//! 2. [`overrides`]: environment variables replace leaves of that tree (never text: there is no interpolation);
//! 3. [`reader`]: the tree → [`sections`], and [`shape`] where the file says a thing in other words than the program;
//!    unknown keys are errors;
//! 4. [`checks`]: the shapes → [`Settings`]; values that make no sense are errors.
//!
//! The types of step 3 are the one place that states a setting's type, default, limits and meaning. [`json_schema`] comes
//! from them, and `docs/settings.md` from that schema.
//!
//! Every failure is a [`Diagnostic`]: a code, a place, and what to do. [`Settings`] itself knows nothing of YAML. The
//! crate opens no files but the pipeline file and those that secrets are read from.

mod artifact;
mod checks;
mod diagnostic;
mod document_place;
mod human;
mod load;
mod location;
mod names;
mod overrides;
mod reader;
mod schema;
mod secret;
mod sections;
mod shape;
mod source;
mod syntax;
mod tree;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use artifact::{ArtifactReference, ArtifactSettings, MalformedReference, Pick, is_artifact_name};
pub use checks::is_endpoint;
pub use diagnostic::{Diagnostic, SettingsError, did_you_mean};
pub use document_place::DocumentPlace;
pub use load::Document;
pub use schema::json_schema;
pub use secret::Secret;
pub use sections::{
    BatchSettings, BreakerSettings, DeadLetterSettings, DeadLetterTopic, FlushSettings, Gaps, HttpSettings,
    LambdaSettings, S3Settings, TableSettings,
};
use sluicebox_sandbox::Limits;
pub use source::{Authentication, FilePath, FileSettings, KafkaSettings, RecordFormat, SourceSettings, Start, Topics};
pub use tree::Place;

/// The name that messages use for the dead-letter table.
const DEAD_LETTERS: &str = "dead_letters";

/// One pipeline: a source, a transform, its tables and its dead letters. All paths are absolute.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Unique among the pipelines that write to the same tables, because the ledger's entries bear it.
    pub name: String,
    /// Where records come from.
    pub source: SourceSettings,
    /// What happens to each of them.
    pub transform: TransformSettings,
    /// Where the rows go: one entry for each table that the transform describes.
    pub tables: BTreeMap<String, TableSettings>,
    /// Where rejected records go.
    pub dead_letters: DeadLetterSettings,
    /// When staged rows become visible.
    pub flush: FlushSettings,
    /// How many records one call of the transform gets.
    pub batch: BatchSettings,
    /// When a transform that rejects too much pauses the pipeline; none: never.
    pub breaker: Option<BreakerSettings>,
    /// Where the process answers questions about its health; none: nowhere.
    pub http: Option<HttpSettings>,
    /// How the process reaches buckets.
    pub s3: S3Settings,
    /// How the pipeline runs as an AWS Lambda function, if it does.
    pub lambda: LambdaSettings,
    /// Whether rows carry the columns `_kafka_topic`, `_kafka_partition`, `_kafka_offset` and `_kafka_timestamp`.
    pub provenance: bool,
}

impl Settings {
    /// All tables that the pipeline writes, by name: those of the transform, then the dead letters.
    pub fn all_tables(&self) -> impl Iterator<Item = (&str, &str)> {
        let tables = self.tables.iter().map(|(name, table)| (name.as_str(), table.path.as_str()));
        tables.chain([(DEAD_LETTERS, self.dead_letters.path.as_str())])
    }
}

/// What happens to each record.
#[derive(Debug, Clone)]
pub struct TransformSettings {
    /// Where it comes from.
    pub origin: TransformOrigin,
    /// The JSON object that the transform's `configure` gets.
    pub configuration: serde_json::Value,
    /// What the transform may use.
    pub limits: Limits,
}

/// Where a transform comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransformOrigin {
    /// A component in a file.
    File(PathBuf),
    /// An artifact in a registry.
    Artifact(ArtifactSettings),
}
