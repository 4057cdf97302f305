//! Rust files as text: where they are, and what of them is product code.

use std::fs;
use std::path::{Path, PathBuf};

/// A Rust file.
pub(crate) struct Source {
    /// From the repository's root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Source {
    /// Whether all of it tests its own crate. The crate `tests` itself is none of those.
    pub(crate) fn is_test(&self) -> bool {
        self.path.split('/').skip(1).any(|part| matches!(part, "tests" | "tests.rs" | "benches"))
    }

    /// The product's lines: without test modules at the end of a file, and without lines that are comments.
    pub(crate) fn product(&self) -> String {
        let lines: Vec<&str> = self.product_with_comments();
        lines.into_iter().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
    }

    /// The same with its comments.
    pub(crate) fn product_with_comments(&self) -> Vec<&str> {
        let mut lines = self.text.lines().peekable();
        let mut kept = Vec::new();
        while let Some(line) = lines.next() {
            let opens_tests = line == "#[cfg(test)]" && lines.peek().is_some_and(|next| next.starts_with("mod "));
            if !opens_tests {
                kept.push(line);
            } else if lines.next().is_some_and(|module| module.ends_with('{')) {
                let _module = lines.by_ref().find(|line| *line == "}");
            }
        }
        kept
    }
}

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in a folder of the repository")
}

/// A file from the repository's root.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).expect(path)
}

/// All files below a folder whose name ends so, by name.
pub(crate) fn files(folder: &str, ending: &str) -> Vec<String> {
    let mut found = Vec::new();
    collect(&root().join(folder), ending, &mut found);
    let root = root();
    let mut paths: Vec<String> =
        found.iter().filter_map(|path| Some(path.strip_prefix(root).ok()?.to_string_lossy().into_owned())).collect();
    paths.sort();
    paths
}

fn collect(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("target") {
            collect(&path, ending, found);
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
}

/// All Rust files below a folder.
pub(crate) fn sources(folder: &str) -> Vec<Source> {
    let sources: Vec<Source> =
        files(folder, ".rs").into_iter().map(|path| Source { text: read(&path), path }).collect();
    assert!(!sources.is_empty(), "{folder} has no sources");
    sources
}

/// Fails with all places that break a rule.
pub(crate) fn ensure_none(rule: &str, broken: impl IntoIterator<Item = String>) {
    let broken: Vec<String> = broken.into_iter().collect();
    assert!(broken.is_empty(), "{rule}\n  {}\n", broken.join("\n  "));
}
