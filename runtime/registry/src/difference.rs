//! What changes for the tables from one transform to another, and whether existing tables accept the rows of the other. Pure:
//! compares manifests. [`Shape`] decides what a table accepts.

use serde::Serialize;
use sluicebox_delta::Shape;
use sluicebox_sandbox::{Field, Table};

use crate::manifest::Manifest;

/// What changes for the tables.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// Each table that changes.
    pub tables: Vec<TableDifference>,
}

/// What changes for one table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TableDifference {
    /// The table.
    pub table: String,
    /// Each change, in the order of its columns.
    pub changes: Vec<TableChange>,
    /// Why a table that was created for the old transform would refuse the new one; empty if it accepts it.
    pub refusals: Vec<String>,
}

/// One change of a table.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum TableChange {
    /// The table is new.
    TableAdded,
    /// The table is no longer written.
    TableRemoved,
    /// A column is new.
    ColumnAdded {
        /// The column.
        column: String,
        /// Its type.
        to: String,
    },
    /// A column is no longer written.
    ColumnRemoved {
        /// The column.
        column: String,
        /// Its old type.
        from: String,
    },
    /// A column has another type.
    ColumnChanged {
        /// The column.
        column: String,
        /// The old type.
        from: String,
        /// The new type.
        to: String,
    },
    /// Other columns partition the table.
    PartitionsChanged {
        /// The old partition columns.
        from: Vec<String>,
        /// The new ones.
        to: Vec<String>,
    },
}

impl Difference {
    /// What changes from `old` to `new`.
    ///
    /// # Errors
    /// A description is not a legal table, so the manifest is not one of Sluicebox.
    pub fn between(old: &Manifest, new: &Manifest) -> Result<Difference, String> {
        let (old, new) = (&old.description.tables, &new.description.tables);
        let mut tables = Vec::new();
        for table in old {
            match new.iter().find(|other| other.name == table.name) {
                Some(other) => tables.extend(changed(table, other)?),
                None => tables.push(whole(
                    table,
                    TableChange::TableRemoved,
                    format!(
                        "remove `tables.{}` from the pipeline file first: the transform no longer writes it",
                        table.name
                    ),
                )),
            }
        }
        for table in new.iter().filter(|table| !old.iter().any(|other| other.name == table.name)) {
            let advice =
                format!("add `tables.{}` to the pipeline file first: the transform writes it as well", table.name);
            tables.push(whole(table, TableChange::TableAdded, advice));
        }
        Ok(Difference { tables })
    }

    /// Whether every existing table accepts the new transform, and the pipeline file can stay as it is.
    pub fn is_taken(&self) -> bool {
        self.tables.iter().all(|table| table.refusals.is_empty())
    }
}

fn whole(table: &Table, change: TableChange, refusal: String) -> TableDifference {
    TableDifference { table: table.name.clone(), changes: vec![change], refusals: vec![refusal] }
}

/// What changes for a table that both transforms write; none if nothing does.
fn changed(old: &Table, new: &Table) -> Result<Option<TableDifference>, String> {
    let mut changes = Vec::new();
    for field in &old.fields {
        let column = field.name.clone();
        match find(new, &column) {
            None => changes.push(TableChange::ColumnRemoved { column, from: field.to_string() }),
            Some(other) if other.is_same_column(field) => {}
            Some(other) => {
                changes.push(TableChange::ColumnChanged { column, from: field.to_string(), to: other.to_string() })
            }
        }
    }
    for field in new.fields.iter().filter(|field| find(old, &field.name).is_none()) {
        changes.push(TableChange::ColumnAdded { column: field.name.clone(), to: field.to_string() });
    }
    if old.partition_columns != new.partition_columns {
        let (from, to) = (old.partition_columns.clone(), new.partition_columns.clone());
        changes.push(TableChange::PartitionsChanged { from, to });
    }
    if changes.is_empty() {
        return Ok(None);
    }
    // Without provenance columns: they are the same on both sides.
    let shape = |table| Shape::of(table, false).map_err(|error| format!("table `{}`: {error}", old.name));
    let refusals = shape(new)?.differences_from(&shape(old)?).iter().map(ToString::to_string).collect();
    Ok(Some(TableDifference { table: old.name.clone(), changes, refusals }))
}

fn find<'a>(table: &'a Table, name: &str) -> Option<&'a Field> {
    table.fields.iter().find(|field| field.name == name)
}
