//! Each invariant of ARCHITECTURE.md names what fails without it, and that exists.

use crate::documents::pattern;
use crate::source::{Source, ensure_none, read, root};

#[test]
fn every_invariant_names_a_test_that_exists() {
    let reference = pattern("`([^`]+)`");
    let text = read("ARCHITECTURE.md");
    let table = text.lines().skip_while(|line| !line.starts_with("| invariant |")).skip(2);
    let rows: Vec<&str> = table.take_while(|line| line.starts_with('|')).collect();
    assert!(rows.len() > 30, "ARCHITECTURE.md has {} invariants", rows.len());
    let mut broken = Vec::new();
    for row in rows {
        let guards = row.trim_end_matches([' ', '|']).rsplit(" | ").next().unwrap_or_default();
        let names: Vec<String> = reference.captures_iter(guards).map(|found| found[1].to_owned()).collect();
        if names.is_empty() {
            broken.push(format!("no test: {row}"));
        }
        broken.extend(names.into_iter().filter(|name| !exists(name)).map(|name| format!("`{name}`")));
    }
    ensure_none("ARCHITECTURE.md names tests of invariants that do not exist:", broken);
}

/// `make target`, `sluicebox command`, a folder, `crate/file.rs` and `crate/file.rs::test` below runtime, or modules of the
/// whole runs and of the simulation, with or without a test's name.
fn exists(name: &str) -> bool {
    if let Some(target) = name.strip_prefix("make ") {
        return read("Makefile").contains(&format!("\n{target}:"));
    }
    if let Some(command) = name.strip_prefix("sluicebox ") {
        return read("runtime/cli/src/main.rs").to_lowercase().contains(command);
    }
    if name.starts_with("whole_runs::") || name.split("::").next() == Some("simulation") {
        return is_run(&format!("tests/{}", name.replace("::", "/")));
    }
    match name.split_once("::") {
        Some((path, test)) => file(format!("runtime/{path}")).is_some_and(|source| has_test(&source, test)),
        None if name.ends_with(".rs") => file(format!("runtime/{name}")).is_some_and(|source| has_tests(&source)),
        None => root().join(name).is_dir(),
    }
}

/// A module, or a test of the module above.
fn is_run(path: &str) -> bool {
    let module = |path: &str| {
        [format!("{path}.rs"), format!("{path}/mod.rs"), format!("{path}/main.rs")].into_iter().find_map(file)
    };
    let (above, test) = path.rsplit_once('/').unwrap_or_default();
    module(path).is_some() || module(above).is_some_and(|module| has_test(&module, test))
}

fn file(path: String) -> Option<Source> {
    root().join(&path).is_file().then(|| Source { text: read(&path), path })
}

fn has_test(source: &Source, test: &str) -> bool {
    source.text.contains(&format!("fn {test}("))
}

fn has_tests(source: &Source) -> bool {
    ["#[test]", "#[tokio::test", "proptest!", "mod tests;"].iter().any(|mark| source.text.contains(mark))
}
