//! What a new transform begins with: the template of its crate, and the Rust SDK that it depends on. Both travel inside this
//! program as text, so that a new crate builds on every machine with Rust, without a checkout.
//!
//! It must not know the command line, nor how a crate is built.

use std::io;
use std::path::{Path, PathBuf};

// `TEMPLATE` and `SDK`: the path and the text of each file, collected by build.rs.
include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// The folder of the SDK in a new crate.
pub const SDK_FOLDER: &str = "sluicebox-sdk";

/// The file in which editors find what a pipeline file may hold.
const SCHEMA_FILE: &str = "pipeline.schema.json";

/// A transform's crate that is to be made.
#[derive(Debug)]
pub struct NewCrate<'a> {
    /// The name of the crate; see [`name_fault`].
    pub name: &'a str,
    /// The folder of the crate; it is made.
    pub folder: &'a Path,
    /// Another `sluicebox` crate to depend on; `None` puts the SDK beside the crate.
    pub sdk: Option<&'a Path>,
    /// A JSON Schema of pipeline files, for editors.
    pub pipeline_schema: Option<&'a str>,
}

impl NewCrate<'_> {
    /// Writes all files of the crate.
    ///
    /// # Errors
    /// A file cannot be written; the error names it.
    pub fn write(&self) -> io::Result<()> {
        let sdk = self.sdk.map_or_else(|| PathBuf::from(SDK_FOLDER).join("sluicebox"), Path::to_path_buf);
        let dependency = format!("{{ path = {:?} }}", sdk.display().to_string());
        for (name, text) in TEMPLATE {
            let text = text
                .replace("{{name}}", self.name)
                .replace("{{crate_name}}", &self.name.replace('-', "_"))
                .replace("{{sdk_dependency}}", &dependency)
                .replace("{{sdk_folder}}", SDK_FOLDER);
            let name = name.strip_suffix(".template").unwrap_or(name);
            write(&self.folder.join(name), &self.with_schema(name, text))?;
        }
        if let Some(schema) = self.pipeline_schema {
            write(&self.folder.join(SCHEMA_FILE), schema)?;
        }
        if self.sdk.is_none() {
            write_sdk(&self.folder.join(SDK_FOLDER))?;
        }
        Ok(())
    }

    /// Editors look for the schema in the first line.
    fn with_schema(&self, name: &str, text: String) -> String {
        match self.pipeline_schema {
            Some(_) if name.ends_with(".yaml") => format!("# yaml-language-server: $schema={SCHEMA_FILE}\n{text}"),
            _ => text,
        }
    }
}

/// Writes the crates of the SDK into a folder: `sluicebox` and `sluicebox-macros`.
///
/// # Errors
/// A file cannot be written; the error names it.
pub fn write_sdk(folder: &Path) -> io::Result<()> {
    SDK.iter().try_for_each(|(name, text)| write(&folder.join(name), text))
}

fn write(file: &Path, text: &str) -> io::Result<()> {
    let written = file.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(file, text));
    written.map_err(|error| io::Error::new(error.kind(), format!("cannot write {}: {error}", file.display())))
}

/// Words that Rust keeps for itself, and crates that a transform would hide.
const TAKEN_NAMES: &str = "\
    abstract alloc as async await become box break build const continue core crate deps do dyn else enum \
    examples extern false final fn for gen if impl in incremental let loop macro match mod move mut override \
    priv proc-macro pub ref return self serde serde-json sluicebox sluicebox-macros static std struct super \
    test trait true try type typeof unsafe unsized use virtual where while yield";

/// Why a name cannot be that of a transform's crate; `None` if it can.
pub fn name_fault(name: &str) -> Option<&'static str> {
    let is_form_right = name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if !is_form_right {
        return Some("write lower case letters, digits and `-`, beginning with a letter");
    }
    TAKEN_NAMES.split_whitespace().any(|taken| taken == name).then_some("Rust or the SDK already uses that name")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_crate_is_whole_and_names_nothing_of_the_machine_it_was_made_on() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("first-try");
        let made = NewCrate { name: "first-try", folder: &folder, sdk: None, pipeline_schema: Some("{}") };
        made.write().unwrap();
        for file in ["src/lib.rs", "README.md", "pipeline.yaml", "pipeline.kafka.yaml", "sample.jsonl", SCHEMA_FILE] {
            assert!(folder.join(file).is_file(), "{file}");
        }
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
        for file in files(&folder) {
            let text = std::fs::read_to_string(&file).unwrap();
            assert!(!text.contains(&root.display().to_string()), "{}", file.display());
            assert!(!text.contains("{{name}}") && !text.contains("{{sdk"), "{}", file.display());
        }
        let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        assert!(manifest.contains("path = \"sluicebox-sdk/sluicebox\""), "{manifest}");
        let pipeline = std::fs::read_to_string(folder.join("pipeline.yaml")).unwrap();
        assert!(pipeline.starts_with("# yaml-language-server: $schema=pipeline.schema.json\n"), "{pipeline}");
    }

    #[test]
    fn the_sdk_stands_alone() {
        let folder = tempfile::tempdir().unwrap();
        write_sdk(folder.path()).unwrap();
        for name in ["sluicebox", "sluicebox-macros"] {
            let manifest = std::fs::read_to_string(folder.path().join(name).join("Cargo.toml")).unwrap();
            assert!(!manifest.contains("workspace"), "{manifest}");
            assert!(manifest.contains("edition = \"2024\""), "{manifest}");
        }
        assert!(folder.path().join("sluicebox/wit/transform.wit").is_file());
        let guest = std::fs::read_to_string(folder.path().join("sluicebox/src/guest.rs")).unwrap();
        assert!(guest.contains("path: \"wit\""));
    }

    fn files(folder: &Path) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
    }

    #[test]
    fn names_are_those_that_cargo_and_rust_take() {
        assert_eq!(name_fault("clean-orders2"), None);
        for name in ["Clean", "2clean", "clean_orders", "", "fn", "test", "sluicebox", "async"] {
            assert!(name_fault(name).is_some(), "{name}");
        }
    }
}
