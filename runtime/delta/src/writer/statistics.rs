//! A file's statistics in the Delta log, from its Parquet footer: row count, and for each indexed column the count of nulls
//! and its bounds. Exact or absent, never wrong: readers skip files by them. Pure.

use std::collections::BTreeMap;

use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use parquet::file::statistics::Statistics;

use super::bound::{self, Bounds};
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
///
/// If one column's bounds are missing, all are: the Python package of delta-rs takes a single missing bound, in a file whose
/// other bounds are known, for one that no value meets, and skips the file.
pub(super) fn json(footer: &ParquetMetaData, leaves: &[Leaf], has_nan: &[bool]) -> String {
    let mut minimums = Tree::default();
    let mut maximums = Tree::default();
    let mut null_counts = Tree::default();
    let mut is_bounded = true;
    for (leaf, &has_nan) in leaves.iter().zip(has_nan) {
        let Some(nulls) = nulls(footer, leaf) else { continue };
        null_counts.insert(&leaf.path, nulls.to_string());
        if !bound::exists(&leaf.data_type) || is_all_null(footer, leaf) {
            continue;
        }
        match bounds(footer, leaf).filter(|_| !has_nan).and_then(|bounds| bounds.json(&leaf.data_type)) {
            Some((min, max)) => {
                minimums.insert(&leaf.path, min);
                maximums.insert(&leaf.path, max);
            }
            None => is_bounded = false,
        }
    }
    let mut json = format!("{{\"numRecords\":{}", footer.file_metadata().num_rows());
    if is_bounded {
        minimums.write_as("minValues", &mut json);
        maximums.write_as("maxValues", &mut json);
    }
    null_counts.write_as("nullCount", &mut json);
    json.push('}');
    // A commit may hold a hundred thousand of them.
    json.shrink_to_fit();
    json
}

/// A column's nulls in all row groups; none if a row group does not tell.
fn nulls(footer: &ParquetMetaData, leaf: &Leaf) -> Option<u64> {
    footer.row_groups().iter().map(|group| group.column(leaf.index).statistics()?.null_count_opt()).sum()
}

fn is_all_null(footer: &ParquetMetaData, leaf: &Leaf) -> bool {
    footer.row_groups().iter().all(|group| has_no_value(group.column(leaf.index)))
}

fn has_no_value(chunk: &ColumnChunkMetaData) -> bool {
    let nulls = chunk.statistics().and_then(Statistics::null_count_opt);
    nulls.is_some_and(|nulls| i64::try_from(nulls) == Ok(chunk.num_values()))
}

/// A column's bounds over all row groups that have a value; none if one of them has no bounds.
fn bounds(footer: &ParquetMetaData, leaf: &Leaf) -> Option<Bounds> {
    let chunks = footer.row_groups().iter().map(|group| group.column(leaf.index));
    let bounds =
        chunks.filter(|chunk| !has_no_value(chunk)).map(|chunk| Bounds::read(chunk.statistics()?, &leaf.data_type));
    bounds.reduce(|all, group| Some(all?.merge(group?)))?
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

    fn write_as(&self, name: &str, json: &mut String) {
        json.push_str(&format!(",\"{name}\":"));
        self.write(json);
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Decimal128Array, Int64Array, RecordBatch, StringArray};
    use parquet::arrow::ArrowWriter;
    use parquet::file::properties::WriterProperties;

    use super::super::indexed::Indexed;
    use super::*;

    /// The statistics of a file with two rows in each row group.
    fn stats(columns: Vec<(&str, ArrayRef)>, has_nan: &[bool]) -> String {
        let columns = columns.into_iter().map(|(name, array)| (name, array, true));
        let rows = RecordBatch::try_from_iter_with_nullable(columns).expect("rows");
        let properties = WriterProperties::builder().set_max_row_group_row_count(Some(2)).build();
        let mut writer = ArrowWriter::try_new(Vec::new(), rows.schema(), Some(properties)).expect("a writer");
        writer.write(&rows).expect("writes");
        let leaves = Leaf::all(&rows.schema(), &Indexed::First(32));
        json(&writer.close().expect("closes"), &leaves, has_nan)
    }

    #[test]
    fn row_groups_are_merged() {
        let decimals = Decimal128Array::from(vec![Some(-256), None, None, None, Some(255), Some(1)]);
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("n", Arc::new(Int64Array::from(vec![Some(5), Some(9), None, None, Some(-1), None]))),
            ("d", Arc::new(decimals.with_precision_and_scale(38, 2).expect("fits"))),
            ("t", Arc::new(StringArray::from(vec![Some("b"), Some("\""), None, None, Some("c"), Some("a")]))),
            ("none", Arc::new(Int64Array::from(vec![None; 6]))),
        ];
        assert_eq!(
            stats(columns, &[false; 4]),
            r#"{"numRecords":6,"minValues":{"d":-2.56,"n":-1,"t":"\""},"maxValues":{"d":2.55,"n":9,"t":"c"},"#
                .to_owned()
                + r#""nullCount":{"d":3,"n":3,"none":6,"t":2}}"#
        );
    }

    #[test]
    fn one_missing_bound_leaves_out_all() {
        let numbers = || Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef;
        let stats = stats(vec![("a", numbers()), ("b", numbers())], &[false, true]);
        assert_eq!(stats, r#"{"numRecords":3,"nullCount":{"a":0,"b":0}}"#);
    }
}
