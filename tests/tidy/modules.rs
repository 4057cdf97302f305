//! No import circle between the top-level modules of a crate: each can be read before those that use it.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

use crate::source::{Source, ensure_none, sources};

const CRATES: [&str; 6] = ["audit", "delta", "kafka", "ledger", "registry", "settings"];

/// Which modules each module imports.
type Imports = BTreeMap<String, BTreeSet<String>>;

#[test]
fn modules_do_not_import_each_other_in_circles() {
    let circles = CRATES.into_iter().filter_map(|name| {
        let circle = circle(imports(&sources(&format!("runtime/{name}/src"))));
        let arrows = circle.iter().map(|(from, to)| format!("{from} → {}", Vec::from_iter(to.clone()).join(", ")));
        (!circle.is_empty()).then(|| format!("runtime/{name}: {}", Vec::from_iter(arrows).join("; ")))
    });
    ensure_none("modules import each other in a circle:", circles);
}

/// The crate's root is no module: it only names the others, and what they offer.
fn imports(sources: &[Source]) -> Imports {
    let module_of = |source: &Source| {
        let inside = source.path.split("/src/").nth(1).unwrap_or_default();
        inside.split('/').next().unwrap_or_default().trim_end_matches(".rs").to_owned()
    };
    let is_root = |module: &str| matches!(module, "lib" | "main" | "tests");
    let modules: BTreeSet<String> = sources.iter().map(module_of).filter(|module| !is_root(module)).collect();
    let offered = offered(sources.iter().find(|source| source.path.ends_with("/src/lib.rs")));
    let mut imports = Imports::new();
    for source in sources.iter().filter(|source| !source.is_test()) {
        let module = module_of(source);
        let is_top_level = source.path.ends_with(&format!("/src/{module}.rs"));
        let named = names(&source.product(), is_top_level).into_iter();
        let named = named.map(|name| offered.get(&name).cloned().unwrap_or(name));
        let others: Vec<String> = named.filter(|name| *name != module && modules.contains(name)).collect();
        if !is_root(&module) {
            imports.entry(module).or_default().extend(others);
        }
    }
    imports
}

/// What the crate's root offers under a shorter path: `pub use table::Table`.
fn offered(root: Option<&Source>) -> BTreeMap<String, String> {
    let item =
        Regex::new(r"(?s)pub(?:\(crate\))? use (?:crate::|self::)?(\w+)::([^;]+);").expect("a regular expression");
    let name = Regex::new(r"\w+").expect("a regular expression");
    let text = root.map(Source::product).unwrap_or_default();
    let names = item.captures_iter(&text).flat_map(|found| {
        let module = found[1].to_owned();
        let names: Vec<String> = name.find_iter(&found[2]).map(|name| name.as_str().to_owned()).collect();
        names.into_iter().map(move |name| (name, module.clone()))
    });
    names.collect()
}

/// The first name after `crate::`, or after `super::` in a top-level module; of a list in braces, each first name.
fn names(text: &str, is_top_level: bool) -> Vec<String> {
    let from = if is_top_level { r"\b(?:crate|super)::" } else { r"\bcrate::" };
    let path = Regex::new(&format!(r"{from}(\w+|\{{)")).expect("a regular expression");
    let mut names = Vec::new();
    for found in path.captures_iter(text) {
        let rest = &text[found.get(1).map_or(0, |part| part.start())..];
        if rest.starts_with('{') { names.extend(firsts(rest)) } else { names.push(found[1].to_owned()) }
    }
    names
}

/// `{a::{b, c}, d}` → a, d.
fn firsts(list: &str) -> Vec<String> {
    let mut depth = 0;
    let mut names = vec![String::new()];
    let mut is_first = true;
    for letter in list.chars() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => {
                names.push(String::new());
                is_first = true;
            }
            ':' => is_first = false,
            _ if depth == 1 && is_first && !letter.is_whitespace() => {
                names.last_mut().expect("never empty").push(letter)
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// What is left when modules that import none of the rest, or that none of the rest imports, are taken away.
fn circle(mut imports: Imports) -> Imports {
    loop {
        let imported: BTreeSet<String> = imports.values().flatten().cloned().collect();
        let before = imports.len();
        imports.retain(|module, others| !others.is_empty() && imported.contains(module));
        let left: BTreeSet<String> = imports.keys().cloned().collect();
        imports.values_mut().for_each(|others| others.retain(|other| left.contains(other)));
        if imports.len() == before && imports.values().all(|others| !others.is_empty()) {
            return imports;
        }
    }
}

#[test]
fn a_circle_is_found_and_a_chain_is_none() {
    let arrows = |pairs: &[(&str, &str)]| {
        let mut imports = Imports::new();
        for (from, to) in pairs {
            imports.entry((*from).to_owned()).or_default().insert((*to).to_owned());
            imports.entry((*to).to_owned()).or_default();
        }
        imports
    };
    assert!(circle(arrows(&[("a", "b"), ("b", "c"), ("a", "c")])).is_empty());
    let found = circle(arrows(&[("a", "b"), ("b", "c"), ("c", "b"), ("c", "d")]));
    assert_eq!(Vec::from_iter(found.keys().cloned()), ["b", "c"]);
    assert_eq!(names("use crate::{a::{b, c}, d};\nuse super::e;\nself::f", true), ["a", "d", "e"]);
}
