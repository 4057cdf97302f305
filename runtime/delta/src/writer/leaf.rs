//! The columns of a Parquet file that get statistics: those at the ends of structs, and none inside lists and maps. Pure.

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float32Type, Float64Type, Schema};

use super::indexed::Indexed;

/// One such column.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    /// Its position among the columns of the Parquet file.
    pub(super) index: usize,
    /// Its name, below those of the structs that hold it.
    pub(super) path: Vec<String>,
    pub(super) data_type: DataType,
    /// Positions: of the top-level column, then of the member in each struct.
    positions: Vec<usize>,
}

impl Leaf {
    /// The leaves of `schema` that have statistics.
    pub(super) fn all(schema: &Schema, indexed: &Indexed) -> Vec<Self> {
        let mut found = Vec::new();
        let mut index = 0;
        for (position, field) in schema.fields().iter().enumerate() {
            let root = Self {
                index,
                path: vec![field.name().clone()],
                data_type: field.data_type().clone(),
                positions: vec![position],
            };
            root.collect(&mut found);
            index += width(field.data_type());
        }
        // Only now: a leaf without statistics still takes its place in the count of the Parquet file's columns.
        found.retain(|leaf| indexed.contains(leaf.positions[0], &leaf.path));
        found
    }

    fn collect(self, found: &mut Vec<Self>) {
        match &self.data_type {
            DataType::Struct(members) => {
                let mut index = self.index;
                for (position, member) in members.iter().enumerate() {
                    let mut leaf = Self { index, data_type: member.data_type().clone(), ..self.clone() };
                    leaf.path.push(member.name().clone());
                    leaf.positions.push(position);
                    leaf.collect(found);
                    index += width(member.data_type());
                }
            }
            DataType::List(_) | DataType::Map(..) => {}
            _ => found.push(self),
        }
    }

    /// Whether the leaf holds a NaN in these rows. One behind a null counts, too: it costs bounds, but makes none wrong.
    pub(super) fn holds_nan(&self, rows: &RecordBatch) -> bool {
        match self.data_type {
            DataType::Float32 => self.array(rows).as_primitive::<Float32Type>().values().iter().any(|v| v.is_nan()),
            DataType::Float64 => self.array(rows).as_primitive::<Float64Type>().values().iter().any(|v| v.is_nan()),
            _ => false,
        }
    }

    fn array<'a>(&self, rows: &'a RecordBatch) -> &'a ArrayRef {
        let root = rows.column(self.positions[0]);
        self.positions[1..].iter().fold(root, |array, &position| array.as_struct().column(position))
    }
}

/// How many columns a field takes in a Parquet file.
pub(super) fn width(data_type: &DataType) -> usize {
    match data_type {
        DataType::Struct(members) => members.iter().map(|member| width(member.data_type())).sum(),
        DataType::List(item) | DataType::Map(item, _) => width(item.data_type()),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::datatypes::Field;
    use parquet::arrow::ArrowSchemaConverter;

    use super::*;

    #[test]
    fn leaves_stand_where_parquet_has_them() {
        let field = |name: &str, data_type| Field::new(name, data_type, true);
        let pair = DataType::Struct(vec![field("key", DataType::Utf8), field("value", DataType::Int64)].into());
        let inner = DataType::Struct(vec![field("x", DataType::Int64), field("y", DataType::Float64)].into());
        let schema = Schema::new(vec![
            field("a", DataType::Int32),
            field("list", DataType::List(Arc::new(field("element", inner.clone())))),
            field("s", DataType::Struct(vec![field("t", inner), field("u", DataType::Utf8)].into())),
            field("map", DataType::Map(Arc::new(Field::new("entries", pair, false)), false)),
            field("z", DataType::Date32),
        ]);
        let leaves = Leaf::all(&schema, &Indexed::First(32));
        let parquet = ArrowSchemaConverter::new().convert(&schema).expect("converts");
        assert!(leaves.iter().all(|leaf| parquet.column(leaf.index).path().parts() == leaf.path));
        let names: Vec<_> = leaves.iter().map(|leaf| leaf.path.join(".")).collect();
        assert_eq!(names, ["a", "s.t.x", "s.t.y", "s.u", "z"]);
    }
}
