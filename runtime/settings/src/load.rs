//! From a file to settings. Keeps the text, so that later checks can show where a fault is.

use std::path::{Path, PathBuf};

use super::diagnostic::{Diagnostic, SettingsError, did_you_mean};
use super::reader::{self, Kind, Misfit, quoted};
use super::tree::{Node, Place};
use super::{Settings, checks, overrides, schema, syntax};

/// A pipeline file that has been read: its settings, and where each of them was written.
#[derive(Debug)]
pub struct Document {
    file: PathBuf,
    text: String,
    root: Node,
    settings: Settings,
}

impl Settings {
    /// Reads and checks a pipeline file, with the overrides of this process's environment.
    pub fn load(path: &Path) -> Result<Settings, SettingsError> {
        Document::load(path).map(Document::into_settings)
    }
}

impl Document {
    /// Reads and checks a pipeline file, with the overrides of this process's environment.
    pub fn load(path: &Path) -> Result<Document, SettingsError> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            let fault = Diagnostic::new("E0101", format!("cannot read the pipeline file: {error}"))
                .help("give the path of a pipeline's YAML file; `sluicebox new` writes one");
            SettingsError::new(path, "", vec![fault])
        })?;
        Document::of_text(path, text)
    }

    /// Like [`Document::load`], from a text. Relative paths are relative to the folder of `path`, which messages name.
    pub fn of_text(path: &Path, text: String) -> Result<Document, SettingsError> {
        // Not `vars`, which panics at a foreign variable that is not Unicode.
        let variables = std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)));
        Document::parse(path, text, variables)
    }

    /// Like [`Document::load`], from a text and an environment. Relative paths are relative to the folder of `path`.
    pub fn parse(
        path: &Path,
        text: String,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Document, SettingsError> {
        match read(path, &text, environment) {
            Ok((root, settings)) => Ok(Document { file: path.to_owned(), text, root, settings }),
            Err(faults) => Err(SettingsError::new(path, &text, faults)),
        }
    }

    /// What the file says.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What the file says, without its text.
    pub fn into_settings(self) -> Settings {
        self.settings
    }

    /// Where the value at a path of keys was written; its nearest ancestor if the file does not mention it.
    pub fn place(&self, path: &[&str]) -> Place {
        self.root.blame(path)
    }

    /// Where the key at a path of keys was written; its nearest ancestor if the file does not mention it.
    pub fn key_place(&self, path: &[&str]) -> Place {
        self.root.blame_key(path)
    }

    /// Shows faults in this file.
    pub fn faults(&self, diagnostics: Vec<Diagnostic>) -> SettingsError {
        SettingsError::new(&self.file, &self.text, diagnostics)
    }
}

fn read(
    path: &Path,
    text: &str,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<(Node, Settings), Vec<Diagnostic>> {
    let mut root = Node::parse(text).map_err(|error| vec![syntax::explain(&error, text)])?;
    // Before the types are read: a variable may give a required key that the file leaves out.
    overrides::apply(&mut root, environment);
    let shape = reader::read(&root).map_err(|misfit| vec![explain(&misfit)])?;
    // Absolute without touching the disk: symbolic links stay as the operator wrote them.
    let folder = std::path::absolute(path).ok().and_then(|path| path.parent().map(Path::to_owned)).unwrap_or_default();
    let settings = checks::check(shape, &root, &folder)?;
    Ok((root, settings))
}

fn explain(misfit: &Misfit) -> Diagnostic {
    let above = if misfit.path.is_empty() { String::new() } else { format!(" in `{}`", misfit.path.join(".")) };
    let field = if misfit.path.is_empty() { "the file".to_owned() } else { format!("`{}`", misfit.path.join(".")) };
    let fault = match &misfit.kind {
        Kind::UnknownKey { key, expected } => unknown("E0103", &format!("unknown key `{key}`{above}"), key, expected),
        Kind::UnknownVariant { variant, expected } => {
            unknown("E0105", &format!("{field} cannot be `{variant}`"), variant, expected)
        }
        Kind::MissingKey(key) => Diagnostic::new("E0104", format!("missing key `{key}`{above}"))
            .label(format!("add `{key}` {}", if misfit.path.is_empty() { "at the top level" } else { "below this" })),
        Kind::DuplicateKey(key) => {
            Diagnostic::new("E0103", format!("duplicate key `{key}`{above}")).label("keep one of them")
        }
        Kind::WrongType { found, expected } => {
            let field_and_types = format!("{field} must be {}, but is {found}", plain(expected));
            Diagnostic::new("E0105", field_and_types).label(remedy(misfit, found, expected))
        }
        Kind::Other(message) => Diagnostic::new("E0106", format!("{field}: {message}")),
    };
    match &misfit.place {
        Some(place) => fault.at(place.clone()),
        None => fault,
    }
}

fn unknown(code: &'static str, message: &str, word: &str, expected: &[&str]) -> Diagnostic {
    let fault = Diagnostic::new(code, message);
    let allowed = format!("allowed here: {}", quoted(expected));
    match did_you_mean(word, expected.iter().copied()) {
        Some(meant) => fault.label(format!("did you mean `{meant}`?")).help(allowed),
        None => fault.label("unknown").help(allowed),
    }
}

/// What to write instead of a value of the wrong type: the setting's example, if it has one.
fn remedy(misfit: &Misfit, found: &str, expected: &str) -> String {
    let schema = schema::json_schema();
    let setting = schema::at(&schema, &misfit.path);
    match setting.and_then(schema::example) {
        Some(example) => format!("such as `{example}`"),
        None if found == "nothing" && setting.is_some_and(|setting| setting.get("default").is_some()) => {
            "leave the key out for the default".to_owned()
        }
        None if expected == "a string" && !["a map", "a list"].contains(&found) => "put it in quotes".to_owned(),
        None => String::new(),
    }
}

/// Serde's names for what it expects, as users call them.
fn plain(expected: &str) -> &str {
    match expected {
        "a string" => "text",
        "a sequence" => "a list",
        "u64" | "usize" | "u32" | "u8" => "a whole number, not negative",
        "f64" => "a number",
        "a boolean" => "`true` or `false`",
        _ if expected.starts_with("struct ") || expected == "a map" => "a map",
        _ if expected.starts_with("enum ") => "a map with one key",
        other => other,
    }
}
