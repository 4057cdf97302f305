//! Dependencies that want a world which a transform does not have: a browser or Node.js through wasm-bindgen, or a C library.
//! The module betrays them by what it imports; cargo knows through which crate they came in.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;
use wasmparser::{Parser, Payload};

use crate::BuildError;
use crate::toolchain::{TARGET, Toolchain};

/// The crate behind every import that wants a browser.
const BROWSER_CRATE: &str = "wasm-bindgen";

/// What helps for crates that are known to bring wasm-bindgen in.
const REMEDIES: &[(&str, &str)] = &[
    ("chrono", "chrono = { version = \"0.4\", default-features = false, features = [\"alloc\"] }"),
    ("time", "leave out the feature `wasm-bindgen` of `time`"),
    ("getrandom", "leave out the features `js` and `wasm_js` of `getrandom`: a transform has no randomness"),
    ("uuid", "leave out the features `js` and `v4` of `uuid`: a transform has no randomness"),
    ("web-time", "leave it out: a transform has no clock, use the record's timestamp"),
    ("instant", "leave out its feature `wasm-bindgen`: a transform has no clock, use the record's timestamp"),
];

/// The imports of a core module that no transform may have: `module::name`.
pub(crate) fn imports(module: &[u8]) -> Vec<String> {
    let mut foreign = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        // The encoder says what is wrong with a module that cannot be parsed.
        let Ok(Payload::ImportSection(section)) = payload else { continue };
        for import in section.into_imports().filter_map(Result::ok) {
            if import.module == "env" || import.module.starts_with("__wbindgen") {
                foreign.push(format!("{}::{}", import.module, import.name));
            }
        }
    }
    foreign
}

/// The error for a module with such imports.
pub(crate) fn refusal(package: &str, manifest: &Path, toolchain: Toolchain, imports: &[String]) -> BuildError {
    let import = imports.first().cloned().unwrap_or_default();
    if imports.iter().all(|import| import.starts_with("env::")) {
        return BuildError::NativeImport { package: package.to_owned(), import };
    }
    let culprits = Graph::read(manifest, toolchain).map(|graph| graph.culprits()).unwrap_or_default();
    BuildError::BrowserImport { package: package.to_owned(), culprits: named(&culprits), remedy: remedy(&culprits) }
}

fn named(culprits: &[String]) -> String {
    match culprits {
        [] => "a dependency".to_owned(),
        [one] => format!("the dependency `{one}`"),
        several => format!("the dependencies `{}`", several.join("`, `")),
    }
}

fn remedy(culprits: &[String]) -> String {
    let known = REMEDIES.iter().filter(|(name, _)| culprits.iter().any(|culprit| culprit == name));
    let known: Vec<&str> = known.map(|(_, remedy)| *remedy).collect();
    if known.is_empty() {
        return format!(
            "switch off the feature that brings wasm-bindgen in; `cargo tree -i {BROWSER_CRATE} --target {TARGET}` shows it"
        );
    }
    known.join("; ")
}

/// What cargo knows of the crate's dependencies.
#[derive(Deserialize)]
struct Graph {
    packages: Vec<GraphPackage>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct GraphPackage {
    id: String,
    name: String,
}

#[derive(Deserialize)]
struct Resolve {
    root: Option<String>,
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Deserialize)]
struct DependencyKind {
    kind: Option<String>,
}

impl Graph {
    /// None if cargo does not tell: the message is less precise then.
    fn read(manifest: &Path, toolchain: Toolchain) -> Option<Graph> {
        let mut cargo = toolchain.cargo();
        cargo.args(["metadata", "--format-version", "1", "--filter-platform", TARGET, "--manifest-path"]).arg(manifest);
        let output = cargo.output().ok().filter(|output| output.status.success())?;
        serde_json::from_slice(&output.stdout).ok()
    }

    /// The crate's own dependencies through which wasm-bindgen comes in.
    fn culprits(&self) -> Vec<String> {
        let names: BTreeMap<&str, &str> =
            self.packages.iter().map(|package| (package.id.as_str(), package.name.as_str())).collect();
        let nodes: BTreeMap<&str, &Node> = self.resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
        let Some(root) = self.resolve.root.as_deref().and_then(|root| nodes.get(root)) else { return Vec::new() };
        let direct = root.linked().filter(|id| reaches(id, &nodes, &names));
        direct.filter_map(|id| names.get(id)).map(|name| (*name).to_owned()).collect()
    }
}

impl Node {
    /// The dependencies that are part of the component: neither build scripts' nor tests'.
    fn linked(&self) -> impl Iterator<Item = &str> {
        self.deps
            .iter()
            .filter(|dependency| dependency.dep_kinds.iter().any(|kind| kind.kind.is_none()))
            .map(|dependency| dependency.pkg.as_str())
    }
}

fn reaches<'a>(start: &'a str, nodes: &BTreeMap<&str, &'a Node>, names: &BTreeMap<&str, &str>) -> bool {
    let mut seen = BTreeSet::new();
    let mut waiting = vec![start];
    while let Some(id) = waiting.pop() {
        if names.get(id) == Some(&BROWSER_CRATE) {
            return true;
        }
        if seen.insert(id) {
            waiting.extend(nodes.get(id).into_iter().flat_map(|node| node.linked()));
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_encoder::{EntityType, ImportSection, Module, TypeSection};

    #[test]
    fn only_imports_of_other_worlds_are_foreign() {
        let mut types = TypeSection::new();
        types.ty().function([], []);
        let mut section = ImportSection::new();
        section.import("sluicebox:transform/log@2.0.0", "log", EntityType::Function(0));
        section.import("__wbindgen_placeholder__", "__wbg_getTime", EntityType::Function(0));
        section.import("env", "crc32", EntityType::Function(0));
        let mut module = Module::new();
        module.section(&types).section(&section);
        assert_eq!(imports(&module.finish()), ["__wbindgen_placeholder__::__wbg_getTime", "env::crc32"]);
    }

    #[test]
    fn the_culprit_is_the_crates_own_dependency_and_not_a_test_dependency() {
        let graph: Graph = serde_json::from_str(
            r#"{"packages": [{"id": "me", "name": "orders"}, {"id": "c", "name": "chrono"}, {"id": "j", "name": "js-sys"},
                {"id": "w", "name": "wasm-bindgen"}, {"id": "s", "name": "serde"}, {"id": "t", "name": "wasm-test"}],
               "resolve": {"root": "me", "nodes": [
                {"id": "me", "deps": [{"pkg": "c", "dep_kinds": [{"kind": null}]}, {"pkg": "s", "dep_kinds": [{"kind": null}]},
                    {"pkg": "t", "dep_kinds": [{"kind": "dev"}]}]},
                {"id": "c", "deps": [{"pkg": "j", "dep_kinds": [{"kind": null}]}]},
                {"id": "j", "deps": [{"pkg": "w", "dep_kinds": [{"kind": null}]}]},
                {"id": "t", "deps": [{"pkg": "w", "dep_kinds": [{"kind": null}]}]},
                {"id": "s", "deps": []}, {"id": "w", "deps": []}]}}"#,
        )
        .unwrap();
        assert_eq!(graph.culprits(), ["chrono"]);
        assert!(remedy(&["chrono".to_owned()]).contains("default-features = false"));
        assert!(remedy(&["other".to_owned()]).contains("cargo tree -i wasm-bindgen"));
    }
}
