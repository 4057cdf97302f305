//! Cargo.toml as far as the rules need it: which keys stand in which section. Knows no value but one line's.

use regex::Regex;

use crate::source::{files, read};

/// A crate of the workspace.
pub(crate) struct Manifest {
    /// The folder from the repository's root.
    pub(crate) folder: String,
    text: String,
}

impl Manifest {
    /// Keys and values of a section; of dependencies for single targets, too.
    pub(crate) fn section(&self, name: &str) -> Vec<(&str, &str)> {
        let entry = Regex::new(r"^([\w-]+)(?:\.[\w-]+)? *= *(.*)$").expect("a regular expression");
        let mut entries = Vec::new();
        let mut is_inside = false;
        for line in self.text.lines() {
            if let Some(section) = line.strip_prefix('[') {
                let section = section.trim_end_matches(']');
                is_inside = section == name || section.ends_with(&format!("'.{name}"));
            } else if let (true, Some(found)) = (is_inside, entry.captures(line)) {
                let part = |index| found.get(index).map_or("", |part: regex::Match<'_>| part.as_str());
                entries.push((part(1), part(2)));
            }
        }
        entries
    }
}

/// All crates of the workspace.
pub(crate) fn manifests() -> Vec<Manifest> {
    let folders = ["runtime", "guest-sdk/rust/macros", "guest-sdk/rust/sdk", "sample-transforms", "tests"];
    let paths = folders.into_iter().flat_map(|folder| files(folder, "Cargo.toml"));
    paths.map(|path| Manifest { folder: path.trim_end_matches("/Cargo.toml").to_owned(), text: read(&path) }).collect()
}
