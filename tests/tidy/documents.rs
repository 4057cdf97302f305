//! What a document lists, and the comparison with what the code has. Error codes are compared here.

use std::collections::BTreeSet;

use regex::Regex;

use crate::source::{Source, ensure_none, read, sources};

/// A regular expression of these tests.
pub(crate) fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a regular expression")
}

/// The rows of a document's tables, as trimmed cells.
pub(crate) fn rows(document: &str) -> Vec<Vec<String>> {
    read(document)
        .lines()
        .filter(|line| line.starts_with("| "))
        .map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect())
        .collect()
}

/// The runtime's files without their tests.
pub(crate) fn product() -> Vec<Source> {
    let sources = sources("runtime").into_iter().filter(|source| !source.is_test());
    sources.map(|source| Source { text: source.product(), path: source.path }).collect()
}

/// Fails with what only one side has.
pub(crate) fn ensure_same(what: &str, document: &str, listed: &BTreeSet<String>, in_code: &BTreeSet<String>) {
    let missing = in_code.difference(listed).map(|name| format!("{document} lacks {name}, which the code has"));
    let dead = listed.difference(in_code).map(|name| format!("{document} lists {name}, which the code lacks"));
    ensure_none(what, missing.chain(dead));
}

#[test]
fn error_codes_are_those_of_the_documentation() {
    let code = pattern(r"\bE0\d{3}\b");
    let mut in_code = BTreeSet::new();
    for source in product() {
        in_code.extend(code.find_iter(&source.text).map(|found| found.as_str().to_owned()));
    }
    let listed = rows("docs/errors.md").into_iter().filter_map(|row| row.into_iter().next());
    let listed: BTreeSet<String> = listed.filter(|cell| code.is_match(cell)).collect();
    assert!(listed.len() > 20, "docs/errors.md lists {} codes", listed.len());
    ensure_same("error codes differ:", "docs/errors.md", &listed, &in_code);
}
