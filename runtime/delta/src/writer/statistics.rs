//! A file's statistics in the Delta log, from its Parquet footer: row count, and for each indexed column the count of nulls
//! and its bounds. Exact or absent, never wrong: readers skip files by them. Pure.

use std::collections::BTreeMap;

use parquet::file::metadata::ParquetMetaData;

use super::bound::Bounds;
use super::leaf::Leaf;

/// Columns by name, as JSON; structs are nested.
#[derive(Default)]
struct Tree(BTreeMap<String, Node>);

enum Node {
    Value(String),
    Members(Tree),
}

/// The statistics as JSON. `has_nan` tells which leaves hold a NaN: Parquet's bounds pass over it, and readers order it above
/// all numbers.
pub(super) fn json(footer: &ParquetMetaData, leaves: &[Leaf], has_nan: &[bool]) -> String {
    let mut minimums = Tree::default();
    let mut maximums = Tree::default();
    let mut null_counts = Tree::default();
    for (leaf, &has_nan) in leaves.iter().zip(has_nan) {
        let Some((nulls, bounds)) = column(footer, leaf) else { continue };
        null_counts.insert(&leaf.path, nulls.to_string());
        if let Some((min, max)) = bounds.filter(|_| !has_nan).and_then(|bounds| bounds.json(&leaf.data_type)) {
            minimums.insert(&leaf.path, min);
            maximums.insert(&leaf.path, max);
        }
    }
    let mut json = format!("{{\"numRecords\":{}", footer.file_metadata().num_rows());
    for (name, tree) in [("minValues", minimums), ("maxValues", maximums), ("nullCount", null_counts)] {
        json.push_str(&format!(",\"{name}\":"));
        tree.write(&mut json);
    }
    json.push('}');
    json
}

/// A column's nulls and bounds, over all row groups; none if a row group does not tell.
fn column(footer: &ParquetMetaData, leaf: &Leaf) -> Option<(u64, Option<Bounds>)> {
    let mut nulls = 0;
    let mut bounds = None;
    let mut is_bounded = true;
    for group in footer.row_groups() {
        let chunk = group.column(leaf.index);
        let statistics = chunk.statistics()?;
        let group_nulls = statistics.null_count_opt()?;
        nulls += group_nulls;
        // A row group of nothing but nulls has no bounds, and needs none.
        if i64::try_from(group_nulls).is_ok_and(|nulls| nulls == chunk.num_values()) {
            continue;
        }
        match Bounds::read(statistics, &leaf.data_type) {
            Some(group) => bounds = Some(bounds.map_or(group.clone(), |bounds: Bounds| bounds.merge(group))),
            None => is_bounded = false,
        }
    }
    Some((nulls, bounds.filter(|_| is_bounded)))
}

impl Tree {
    fn insert(&mut self, path: &[String], value: String) {
        match path {
            [] => {}
            [name] => {
                self.0.insert(name.clone(), Node::Value(value));
            }
            [name, rest @ ..] => {
                let node = self.0.entry(name.clone()).or_insert_with(|| Node::Members(Self::default()));
                if let Node::Members(members) = node {
                    members.insert(rest, value);
                }
            }
        }
    }

    fn write(&self, json: &mut String) {
        json.push('{');
        for (position, (name, node)) in self.0.iter().enumerate() {
            if position > 0 {
                json.push(',');
            }
            json.push_str(&serde_json::Value::from(name.as_str()).to_string());
            json.push(':');
            match node {
                Node::Value(value) => json.push_str(value),
                Node::Members(members) => members.write(json),
            }
        }
        json.push('}');
    }
}
