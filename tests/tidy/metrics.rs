//! The metrics of docs/metrics.md are those of the code, with their labels and with the values of labels that have few.

use std::collections::{BTreeMap, BTreeSet};

use crate::documents::{ensure_same, pattern, product, rows};
use crate::source::{Source, root};

const DOCUMENT: &str = "docs/metrics.md";
/// A metric that is counted or set, with its label: a name and an expression, or the pairs of a variable.
const USE: &str =
    r#"(?:counter|gauge|histogram)!\(\s*"(sluicebox_\w+)"(?:,\s*"(\w+)" => ([^;]*?)|,\s*&(labels))?\s*\)\."#;
const FUNCTION: &str = r"(?m)^(?:pub(?:\(crate\))? )?(?:async )?fn (\w+)";

/// A metric's labels: their names, and the values that are spelt out. Of digests, tables and topics none is.
#[derive(Default)]
struct Labels {
    names: BTreeSet<String>,
    values: BTreeSet<String>,
}

#[test]
fn metrics_and_their_labels_are_those_of_the_documentation() {
    let (listed, in_code) = (listed(), in_code());
    assert!(listed.len() > 20 && in_code.len() > 20, "{} listed, {} in the code", listed.len(), in_code.len());
    let names = |metrics: &BTreeMap<String, Labels>| metrics.keys().cloned().collect();
    ensure_same("metrics differ:", DOCUMENT, &names(&listed), &names(&in_code));
    for (metric, labels) in &in_code {
        ensure_same(&format!("labels of {metric} differ:"), DOCUMENT, &listed[metric].names, &labels.names);
        if !labels.values.is_empty() {
            ensure_same(&format!("label values of {metric}:"), DOCUMENT, &listed[metric].values, &labels.values);
        }
    }
}

/// Values stand in backticks, beside the label or in the meaning.
fn listed() -> BTreeMap<String, Labels> {
    let word = pattern("`([a-z_]+)`");
    let words = |cell: &str| word.captures_iter(cell).map(|found| found[1].to_owned()).collect::<BTreeSet<_>>();
    let mut metrics = BTreeMap::new();
    for row in rows(DOCUMENT) {
        let [name, _, labels, meaning] = row.as_slice() else { continue };
        let Some(name) = words(name).into_iter().find(|name| name.starts_with("sluicebox_")) else { continue };
        let (label, beside) = labels.split_once('=').unwrap_or((labels, ""));
        metrics.insert(name, Labels { names: words(label), values: &words(beside) | &words(meaning) });
    }
    metrics
}

fn in_code() -> BTreeMap<String, Labels> {
    let name = pattern(r#""(sluicebox_\w+)""#);
    let product = product();
    let mut metrics = BTreeMap::<String, Labels>::new();
    for source in product.iter().filter(|source| source.text.contains("!(\"sluicebox_")) {
        for found in name.captures_iter(&source.text) {
            // Targets of log lines look like metrics.
            if !root().join("runtime").join(found[1].trim_start_matches("sluicebox_")).exists() {
                metrics.entry(found[1].to_owned()).or_default();
            }
        }
        for function in functions(&source.text) {
            for found in pattern(USE).captures_iter(function) {
                let labels = metrics.entry(found[1].to_owned()).or_default();
                if found.get(4).is_some() {
                    labels.names.extend(literals(r#"[\[ ]\("(\w+)", "#, function));
                } else if let (Some(label), Some(value)) = (found.get(2), found.get(3)) {
                    labels.names.insert(label.as_str().to_owned());
                    labels.values.extend(values(value.as_str(), function, &product));
                }
            }
        }
    }
    metrics
}

/// The functions of a file, each up to the next.
fn functions(text: &str) -> Vec<&str> {
    let starts: Vec<usize> = pattern(FUNCTION).find_iter(text).map(|head| head.start()).collect();
    let ends = starts.iter().copied().skip(1).chain([text.len()]);
    starts.iter().zip(ends).map(|(start, end)| &text[*start..end]).collect()
}

/// What a label's expression can be: a literal, a name of `Stage`, the first of the pairs that a loop goes through, or what
/// callers pass. Where it is none of these, the set of values is open.
fn values(value: &str, function: &str, product: &[Source]) -> BTreeSet<String> {
    let everywhere = |found: &str| product.iter().flat_map(|source| literals(found, &source.text)).collect();
    if value.starts_with('"') {
        literals(r#""([a-z_]+)""#, value)
    } else if value == "stage.as_str()" {
        let stages = product.iter().filter(|source| source.text.contains("pub enum Stage {"));
        stages.flat_map(|source| literals(r#"Self::\w+ => "([a-z_]+)""#, &source.text)).collect()
    } else if pattern(&format!(r"for \({value}, \w+\) in")).is_match(function) {
        literals(r#"\("([a-z_]+)", \w+\.\w+\)"#, function)
    } else if function.lines().next().is_some_and(|head| head.contains(&format!("({value}: &'static str)"))) {
        let name = pattern(FUNCTION).captures(function).map(|head| head[1].to_owned()).unwrap_or_default();
        let calls: BTreeSet<String> = everywhere(&format!(r"metrics::{name}\(([^;]*)\);"));
        calls.iter().flat_map(|call| literals(r#""([a-z_]+)""#, call)).collect()
    } else {
        BTreeSet::new()
    }
}

/// The first group of each match.
fn literals(expression: &str, text: &str) -> BTreeSet<String> {
    pattern(expression).captures_iter(text).map(|found| found[1].to_owned()).collect()
}
