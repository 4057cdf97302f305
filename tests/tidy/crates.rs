//! The walls between crates: what each may name, that it uses what it names, and that none outgrows the others.

use std::collections::BTreeMap;

use regex::Regex;

use crate::manifest::manifests;
use crate::source::{ensure_none, sources};

/// Crates from outside that only the product code of some rooms may name, in Cargo.toml or in paths. `tests` is the crate of the whole runs.
const GUARDED: [(&str, &[&str]); 4] = [
    ("rdkafka", &["runtime/kafka", "runtime/showcase", "tests"]),
    ("deltalake", &["runtime/delta", "runtime/showcase", "tests"]),
    ("wasmtime", &["runtime/sandbox"]),
    ("aws_", &["runtime/aws"]),
];
/// The largest share of the runtime's lines that one crate may have, in percent.
const SHARE_MAX: usize = 25;

#[test]
fn only_their_rooms_name_kafka_s_delta_s_wasmtime_s_and_aws_s_crates() {
    let mut broken = Vec::new();
    for manifest in manifests() {
        for (guarded, rooms) in GUARDED {
            let may = rooms.contains(&manifest.folder.as_str());
            let names = manifest.section("dependencies").into_iter().map(|(name, _)| name);
            for name in names.filter(|name| !may && name.replace('-', "_").starts_with(guarded)) {
                broken.push(format!("{}/Cargo.toml names {name}", manifest.folder));
            }
        }
    }
    let sources = ["runtime", "guest-sdk", "sample-transforms"].into_iter().flat_map(sources);
    for source in sources.filter(|source| !source.is_test()) {
        let text = source.product();
        for (guarded, rooms) in GUARDED {
            let path = Regex::new(&format!(r"\b{guarded}\w*::")).expect("a regular expression");
            let may = rooms.iter().any(|room| source.path.starts_with(&format!("{room}/")));
            // Filters of log lines name crates too, but in quotes.
            let first = text.lines().find(|line| {
                path.find(line).is_some_and(|found| line[..found.start()].matches('"').count().is_multiple_of(2))
            });
            broken.extend(first.filter(|_| !may).map(|line| format!("{}: {line}", source.path)));
        }
    }
    ensure_none("a crate is named outside of its room (ARCHITECTURE.md):", broken);
}

/// What a guest, a producer or a registry wrote reaches a terminal only through the console's net (`console/src/visible.rs`). Lambda has no
/// terminal, and the scaffold is a build script.
#[test]
fn only_the_console_writes_to_the_terminal() {
    let raw = Regex::new(r"\be?print(ln)?!|io::(stdout|stderr)\(\)").expect("a regular expression");
    let mut broken = Vec::new();
    for source in sources("runtime").into_iter().filter(|source| !source.is_test()) {
        let may = ["runtime/console/", "runtime/scaffold/", "runtime/lambda/"]
            .iter()
            .any(|room| source.path.starts_with(room));
        // Build scripts speak to cargo, and examples to who measures.
        if may || source.path.ends_with("build.rs") || source.path.contains("/examples/") {
            continue;
        }
        let lines = source.product();
        let is_raw = |line: &&str| raw.is_match(line) && !line.contains(".is_terminal()");
        broken.extend(lines.lines().filter(is_raw).map(|line| format!("{}: {}", source.path, line.trim())));
    }
    ensure_none("it writes past `sluicebox_console::terminal`:", broken);
}

#[test]
fn every_dependency_is_used() {
    let mut broken = Vec::new();
    for manifest in manifests() {
        let inside = format!("{}/", manifest.folder);
        let others: Vec<String> = manifests().into_iter().map(|other| format!("{}/", other.folder)).collect();
        let is_another_s = |path: &str| {
            others
                .iter()
                .any(|other| other.len() > inside.len() && other.starts_with(&inside) && path.starts_with(other))
        };
        let mut code = sources(&manifest.folder);
        code.retain(|source| !is_another_s(&source.path));
        let whole: String = code.iter().map(|source| source.text.as_str()).collect();
        let product: String = code.iter().filter(|source| !source.is_test()).map(|source| source.product()).collect();
        for (section, text) in
            [("dependencies", &product), ("dev-dependencies", &whole), ("build-dependencies", &whole)]
        {
            for (name, _) in manifest.section(section) {
                let used = Regex::new(&format!(r"\b{}\b", name.replace('-', "_"))).expect("a regular expression");
                if !used.is_match(text) {
                    broken.push(format!("{}/Cargo.toml: [{section}] {name}", manifest.folder));
                }
            }
        }
    }
    ensure_none("a dependency is not used:", broken);
}

#[test]
fn every_feature_changes_something() {
    let mut broken = Vec::new();
    for manifest in manifests() {
        let code: String = sources(&manifest.folder).into_iter().map(|source| source.text).collect();
        for (name, enables) in manifest.section("features") {
            if enables == "[]" && !code.contains(&format!("feature = \"{name}\"")) {
                broken.push(format!("{}/Cargo.toml: {name}", manifest.folder));
            }
        }
    }
    ensure_none("a feature enables nothing and is asked for nowhere:", broken);
}

#[test]
fn no_crate_outgrows_the_others() {
    let mut lines = BTreeMap::<String, usize>::new();
    for source in sources("runtime").iter().filter(|source| !source.is_test()) {
        let room = source.path.split('/').nth(1).unwrap_or_default().to_owned();
        *lines.entry(room).or_default() += source.product_with_comments().len();
    }
    let all: usize = lines.values().sum();
    let too_big = lines.into_iter().filter(|(_, count)| 100 * count > SHARE_MAX * all);
    ensure_none(
        &format!("a crate has more than {SHARE_MAX} % of the runtime's lines:"),
        too_big.map(|(room, count)| format!("runtime/{room}: {count} of {all}")),
    );
}
