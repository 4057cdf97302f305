//! How an existing table differs from what a transform writes, one value per difference. The only comparison of schemas in
//! the runtime: opening a table, `check` and the registry's promotions use it. Pure.

use std::fmt;

use deltalake::kernel::{DataType, StructField, StructType};

/// One way in which a table does not take the rows of a transform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaDifference {
    /// The table lacks a column.
    ColumnMissing {
        /// The column's name.
        column: String,
        /// Its type in the transform.
        data_type: String,
    },
    /// A column has another type.
    TypeDiffers {
        /// The column's name.
        column: String,
        /// Its type in the table.
        in_table: String,
        /// Its type in the transform.
        in_transform: String,
    },
    /// The transform may write nulls into a column that takes none.
    NullsRefused {
        /// The column's name.
        column: String,
    },
    /// The table requires a value in a column that the transform does not write.
    ColumnNotWritten {
        /// The column's name.
        column: String,
    },
    /// Other columns partition the table.
    PartitionsDiffer {
        /// The partition columns of the table.
        in_table: Vec<String>,
        /// Those of the transform.
        in_transform: Vec<String>,
    },
}

impl fmt::Display for SchemaDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ColumnMissing { column, data_type } => {
                write!(f, "column `{column}` ({data_type}) is missing from the table")
            }
            Self::TypeDiffers { column, in_table, in_transform } => {
                write!(f, "column `{column}` is {in_table} in the table, {in_transform} in the transform")
            }
            Self::NullsRefused { column } => {
                write!(f, "column `{column}` may be null in the transform, but not in the table")
            }
            Self::ColumnNotWritten { column } => {
                write!(f, "column `{column}` of the table may not be null, but the transform does not write it")
            }
            Self::PartitionsDiffer { in_table, in_transform } => {
                let (in_table, in_transform) = (in_table.join(", "), in_transform.join(", "));
                write!(f, "the table is partitioned by [{in_table}], the transform says [{in_transform}]")
            }
        }
    }
}

/// Every difference between what a transform writes and an existing table, each as columns and partition columns. A table may have further nullable columns: they
/// stay null.
pub(crate) fn differences(
    (columns, wanted_partitions): (&[StructField], &[String]),
    (existing, partition_columns): (&StructType, &[String]),
) -> Vec<SchemaDifference> {
    let mut differences = Vec::new();
    for column in columns {
        match existing.field(column.name()) {
            None => differences.push(SchemaDifference::ColumnMissing {
                column: column.name().clone(),
                data_type: column.data_type().to_string(),
            }),
            Some(found) => differences.extend(column_differences(column, found)),
        }
    }
    for field in existing.fields().filter(|field| !field.is_nullable()) {
        if !columns.iter().any(|column| column.name() == field.name()) {
            differences.push(SchemaDifference::ColumnNotWritten { column: field.name().clone() });
        }
    }
    if wanted_partitions != partition_columns {
        differences.push(SchemaDifference::PartitionsDiffer {
            in_table: partition_columns.to_vec(),
            in_transform: wanted_partitions.to_vec(),
        });
    }
    differences
}

fn column_differences(wanted: &StructField, found: &StructField) -> Vec<SchemaDifference> {
    let mut differences = Vec::new();
    if !accepts(found.data_type(), wanted.data_type()) {
        differences.push(SchemaDifference::TypeDiffers {
            column: wanted.name().clone(),
            in_table: found.data_type().to_string(),
            in_transform: wanted.data_type().to_string(),
        });
    }
    if wanted.is_nullable() && !found.is_nullable() {
        differences.push(SchemaDifference::NullsRefused { column: wanted.name().clone() });
    }
    differences
}

/// Whether the types are the same, apart from nulls inside them that the table allows and the transform does not write.
fn accepts(found: &DataType, wanted: &DataType) -> bool {
    match (wanted, found) {
        (DataType::Array(wanted), DataType::Array(found)) => {
            accepts(found.element_type(), wanted.element_type()) && (found.contains_null() || !wanted.contains_null())
        }
        (DataType::Struct(wanted), DataType::Struct(found)) => {
            wanted.fields().len() == found.fields().len()
                && wanted.fields().zip(found.fields()).all(|(wanted, found)| {
                    wanted.name() == found.name() && column_differences(wanted, found).is_empty()
                })
        }
        (DataType::Map(wanted), DataType::Map(found)) => {
            accepts(found.key_type(), wanted.key_type())
                && accepts(found.value_type(), wanted.value_type())
                && (found.value_contains_null() || !wanted.value_contains_null())
        }
        (wanted, found) => wanted == found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn existing(columns: Vec<StructField>) -> StructType {
        StructType::try_new(columns).expect("legal columns")
    }

    #[test]
    fn the_same_columns_fit() {
        let columns =
            vec![StructField::not_null("id", DataType::STRING), StructField::nullable("amount", DataType::DOUBLE)];
        assert!(differences((&columns, &[]), (&existing(columns.clone()), &[])).is_empty());
    }

    #[test]
    fn a_further_nullable_column_fits() {
        let id = StructField::not_null("id", DataType::STRING);
        let table = existing(vec![id.clone(), StructField::nullable("note", DataType::STRING)]);
        assert!(differences((&[id], &[]), (&table, &[])).is_empty());
    }

    #[test]
    fn each_difference_is_named() {
        let wanted = [
            StructField::nullable("id", DataType::STRING),
            StructField::nullable("amount", DataType::LONG),
            StructField::nullable("city", DataType::STRING),
        ];
        let table = existing(vec![
            StructField::not_null("id", DataType::STRING),
            StructField::nullable("amount", DataType::DOUBLE),
            StructField::not_null("tenant", DataType::STRING),
        ]);
        let found = differences((&wanted, &[]), (&table, &["day".to_owned()]));
        assert_eq!(
            found.iter().map(ToString::to_string).collect::<Vec<_>>(),
            [
                "column `id` may be null in the transform, but not in the table",
                "column `amount` is double in the table, long in the transform",
                "column `city` (string) is missing from the table",
                "column `tenant` of the table may not be null, but the transform does not write it",
                "the table is partitioned by [day], the transform says []",
            ]
        );
    }
}
