//! From the shape of a file to settings: makes paths absolute, fetches secrets, refuses values that make no sense.
//!
//! Collects all faults before it gives up, so that one run names them all. Does not look into the transform.

mod aws;
mod kafka;
mod ranges;
mod transform;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use aws::is_endpoint;

use super::diagnostic::Diagnostic;
use super::location::{self, Location, Misplaced, Overlap};
use super::names::{is_pipeline_name, is_table_name, is_topic_name};
use super::shape;
use super::tree::Node;
use super::{DeadLetterSettings, FilePath, FileSettings, Settings, SourceSettings, TableSettings, schema};

/// Turns the shape of a file that lies in `folder` into settings, or says everything that is wrong with it.
pub(super) fn check(shape: shape::Pipeline, root: &Node, folder: &Path) -> Result<Settings, Vec<Diagnostic>> {
    let mut checker = Checker { root, folder, faults: Vec::new() };
    checker.pipeline_name(&shape.name);
    let source = match shape.source {
        shape::Source::Kafka(kafka) => SourceSettings::Kafka(checker.kafka(kafka, &shape.name)),
        shape::Source::File(file) => SourceSettings::File(checker.file(file, &shape.name)),
    };
    let settings = Settings {
        // Before `source` moves into the settings: whether the topic is allowed depends on what the source reads.
        dead_letters: checker.dead_letters(shape.dead_letters, &source),
        source,
        transform: checker.transform(shape.transform),
        tables: checker.tables(shape.tables),
        flush: shape.flush,
        batch: shape.batch,
        breaker: shape.breaker.into(),
        http: shape.http,
        s3: checker.s3(shape.s3),
        lambda: shape.lambda,
        provenance: shape.provenance,
        name: shape.name,
    };
    checker.distinct_paths(&settings);
    // On the tree, which still has the places, and not on the settings, which have only the values.
    checker.ranges(root, &schema::json_schema(), &[]);
    if checker.faults.is_empty() { Ok(settings) } else { Err(checker.faults) }
}

struct Checker<'a> {
    root: &'a Node,
    folder: &'a Path,
    faults: Vec<Diagnostic>,
}

impl Checker<'_> {
    /// Notes a fault of the value at a path of keys.
    fn fault(&mut self, path: &[&str], fault: Diagnostic) {
        let place = self.root.blame(path);
        self.faults.push(fault.at(place));
    }

    /// Notes a fault of the key at a path of keys.
    fn key_fault(&mut self, path: &[&str], fault: Diagnostic) {
        let place = self.root.blame_key(path);
        self.faults.push(fault.at(place));
    }

    fn absolute(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }

    fn pipeline_name(&mut self, name: &str) {
        if !is_pipeline_name(name) {
            let fault = Diagnostic::new("E0107", format!("`{name}` cannot name a pipeline"))
                .label("letters, digits, `.`, `_` and `-`, at most 100, beginning with a letter or digit");
            self.fault(&["name"], fault);
        }
    }

    fn file(&mut self, file: shape::File, pipeline: &str) -> FileSettings {
        let path = match file.path.as_str() {
            "-" => FilePath::Stdin,
            path => FilePath::Path(self.absolute(path)),
        };
        if let FilePath::Path(path) = &path
            // A missing folder is as wrong as a missing file: a file source creates nothing.
            && !path.exists()
        {
            let fault = Diagnostic::new("E0110", format!("no such file or folder: {}", path.display()))
                .label("paths are relative to this YAML file");
            self.fault(&["source", "file", "path"], fault);
        }
        let topic = file.topic.unwrap_or_else(|| pipeline.to_owned());
        if !is_topic_name(&topic) {
            let fault = Diagnostic::new("E0107", format!("`{topic}` cannot name a Kafka topic"))
                .label("letters, digits, `.`, `_` and `-`, at most 249");
            self.fault(&["source", "file", "topic"], fault);
        }
        FileSettings { path, format: file.format, topic }
    }

    fn tables(&mut self, tables: BTreeMap<String, TableSettings>) -> BTreeMap<String, TableSettings> {
        if tables.is_empty() {
            self.key_fault(
                &["tables"],
                Diagnostic::new("E0104", "`tables` is empty").label("add one entry for each table of the transform"),
            );
        }
        let mut placed = BTreeMap::new();
        for (name, table) in tables {
            if !is_table_name(&name) {
                let fault = Diagnostic::new("E0107", format!("`{name}` cannot name a table"))
                    .label("lower case letters, digits and `_`, not beginning with `_`");
                self.key_fault(&["tables", &name], fault);
            }
            let table = self.table(table, &["tables", &name]);
            // Even with a fault, so that the checks after this one see all tables and report what they find, too.
            placed.insert(name, table);
        }
        placed
    }

    fn table(&mut self, table: TableSettings, path: &[&str]) -> TableSettings {
        TableSettings { path: self.location(table.path, &[path, &["path"]].concat(), "table") }
    }

    /// The one spelling of a location; a fault if it is none.
    fn location(&mut self, text: String, path: &[&str], what: &str) -> String {
        match Location::read(&text, self.folder, what) {
            Ok(location) => location.spelling,
            Err(Misplaced { code, message, remedy }) => {
                self.fault(path, Diagnostic::new(code, message).label(remedy));
                text
            }
        }
    }

    fn dead_letters(&mut self, letters: DeadLetterSettings, source: &SourceSettings) -> DeadLetterSettings {
        const PATH: [&str; 2] = ["dead_letters", "topic"];
        if let Some(topic) = letters.topic.as_ref().map(|topic| &topic.name) {
            if !is_topic_name(topic) {
                let fault = Diagnostic::new("E0107", format!("`{topic}` cannot name a Kafka topic"))
                    .label("letters, digits, `.`, `_` and `-`, at most 249");
                self.fault(&PATH, fault);
            }
            match source {
                SourceSettings::File(_) => {
                    let fault = Diagnostic::new("E0116", "`dead_letters.topic` needs a Kafka source")
                        .label("remove it: a file source has no brokers to send dead letters to");
                    self.key_fault(&PATH, fault);
                }
                // A pattern may match the topic of dead letters without naming it.
                SourceSettings::Kafka(kafka) if kafka.topics.take_in(topic) => {
                    let fault = Diagnostic::new("E0116", format!("the source reads `{topic}` as well"))
                        .label("the pipeline would process its own dead letters: name another topic");
                    self.fault(&PATH, fault);
                }
                SourceSettings::Kafka(_) => {}
            }
        }
        let table = self.table(TableSettings { path: letters.path }, &["dead_letters"]);
        DeadLetterSettings { path: table.path, topic: letters.topic }
    }

    /// Two tables in one folder would mix up their rows and ledgers, and a `VACUUM` of one would delete another within it.
    fn distinct_paths(&mut self, settings: &Settings) {
        let mut taken: Vec<(String, Location)> = Vec::new();
        if let SourceSettings::File(FileSettings { path: FilePath::Path(folder), .. }) = &settings.source {
            taken.push(("source.file.path".to_owned(), location::in_folder(folder)));
        }
        for (name, path) in settings.all_tables() {
            let keys =
                if settings.tables.contains_key(name) { vec!["tables", name, "path"] } else { vec![name, "path"] };
            // A location that cannot be read is a fault already.
            let Ok(location) = Location::read(path, self.folder, "table") else { continue };
            let setting = keys.join(".");
            for (other, place) in &taken {
                let fault = match place.overlap(&location) {
                    Some(Overlap::Same) => format!("`{other}` and `{setting}` lie at the same place: {path}"),
                    // A file source reads the files of its folder and looks into no folder below.
                    Some(_) if other == "source.file.path" => continue,
                    Some(Overlap::Within) => format!("`{setting}` lies within the folder of `{other}`: {path}"),
                    Some(Overlap::Around) => format!("`{other}` lies within the folder of `{setting}`: {path}"),
                    None => continue,
                };
                self.fault(&keys, Diagnostic::new("E0112", fault).label("each table needs a folder of its own"));
                break;
            }
            taken.push((setting, location));
        }
    }
}
