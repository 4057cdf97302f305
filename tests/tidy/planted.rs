//! The planted bugs of `tests/planted`: every patch applies to the tree as it is, so that `make planted` can build them all.
//! That the simulation catches them, `make planted` shows.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::documents::pattern;
use crate::source::{ensure_none, files, read, root};

const FOLDER: &str = "tests/planted";

/// The names in `series`, in their order.
fn series() -> Vec<String> {
    read(&format!("{FOLDER}/series")).lines().map(str::to_owned).collect()
}

fn patch(bug: &str) -> String {
    read(&format!("{FOLDER}/{bug}.patch"))
}

/// Applies a patch in `tree`; what git says against it.
fn apply(bug: &str, tree: &Path) -> Option<String> {
    let patch = root().join(FOLDER).join(bug).with_extension("patch");
    let applied = Command::new("git")
        .arg("apply")
        .arg(patch)
        .current_dir(tree)
        // A temporary folder may lie in a repository of its own; paths would be taken from its root.
        .env("GIT_CEILING_DIRECTORIES", tree.parent().unwrap_or(tree))
        .env_remove("GIT_DIR")
        .output()
        .expect("git is installed");
    (!applied.status.success()).then(|| String::from_utf8_lossy(&applied.stderr).trim().replace('\n', "; "))
}

#[test]
fn all_patches_apply_together() {
    let tree = tempfile::tempdir().expect("a temporary folder");
    // Below the folder: git looks no higher than the folder itself.
    let tree = tree.path().join("tree");
    let changed = pattern(r"(?m)^\+\+\+ b/(.+)$");
    let paths: BTreeSet<String> = series()
        .iter()
        .flat_map(|bug| changed.captures_iter(&patch(bug)).map(|found| found[1].to_owned()).collect::<Vec<_>>())
        .collect();
    for path in paths.iter().filter(|path| root().join(path).exists()) {
        let copy = tree.join(path);
        fs::create_dir_all(copy.parent().expect("a file lies in a folder")).expect("a folder in the temporary folder");
        fs::write(copy, read(path)).expect("a file in the temporary folder");
    }
    let broken = series().into_iter().filter_map(|bug| {
        let trouble = apply(&bug, &tree)?;
        Some(format!("{FOLDER}/{bug}.patch: {trouble}"))
    });
    ensure_none("a patch does not apply any more; `tests/planted/refresh` writes the patches again:", broken);
}

#[test]
fn every_bug_has_one_patch_with_its_switch_and_its_story() {
    let bugs = series();
    let listed: BTreeSet<String> = bugs.iter().map(|bug| format!("{FOLDER}/{bug}.patch")).collect();
    assert_eq!(listed.len(), bugs.len(), "{FOLDER}/series names a bug twice");
    let there: BTreeSet<String> = files(FOLDER, ".patch").into_iter().collect();
    assert_eq!(there, listed, "the patches of {FOLDER} and its series differ");
    let switch = pattern(r#"(?m)^\+.*sluicebox_planted::is\("([^"]+)"\)"#);
    let mut broken = Vec::new();
    for bug in bugs {
        let text = patch(&bug);
        let asked: BTreeSet<&str> =
            switch.captures_iter(&text).filter_map(|found| found.get(1)).map(|name| name.as_str()).collect();
        if asked != BTreeSet::from([bug.as_str()]) {
            broken.push(format!("{bug}: asks the switch for {asked:?}"));
        }
        let story: Vec<&str> = text.lines().take(2).collect();
        if !story.first().is_some_and(|what| what.ends_with('.'))
            || !story.get(1).is_some_and(|line| line.starts_with("Imitates "))
        {
            broken.push(format!("{bug}: does not begin with a sentence and a line `Imitates …`"));
        }
    }
    ensure_none("a patch lacks its switch or its story:", broken);
}

#[test]
fn documents_count_the_bugs_as_they_are() {
    let count = series().len().to_string();
    let counted = pattern(r"(\d+) (?:planted )?bugs");
    let mut mentions = 0;
    let mut broken = Vec::new();
    for document in ["ARCHITECTURE.md", "CHANGELOG.md", "docs/delivery.md"] {
        for (number, line) in read(document).lines().enumerate() {
            for found in counted.captures_iter(line) {
                mentions += 1;
                if found[1] != count {
                    broken.push(format!("{document}:{}: {}", number + 1, &found[0]));
                }
            }
        }
    }
    assert!(mentions > 1, "no document says how many bugs there are");
    ensure_none(&format!("a document does not count {count} bugs:"), broken);
}
