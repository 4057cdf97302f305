//! Joins the rows of calls that followed one another, so that a batch that was cut up comes back as one piece: the sink
//! pays a fixed price per column for every piece.
//!
//! Both sides have been validated, and are of one description; nothing is checked again.

use crate::outcome::{Column, Part, Rows, Strings, TableRows, Values};

impl Part {
    /// Adds the rows of later records.
    pub(crate) fn append(&mut self, later: Part) {
        for rows in later.tables {
            match self.tables.iter_mut().find(|known| known.table == rows.table) {
                Some(known) => known.append(rows),
                None => self.tables.push(rows),
            }
        }
    }
}

impl TableRows {
    fn append(&mut self, mut later: TableRows) {
        self.records.append(&mut later.records);
        match (&mut self.rows, later.rows) {
            (Rows::Json(rows), Rows::Json(later)) => rows.append(later),
            (Rows::Columns(columns), Rows::Columns(later)) => {
                columns.iter_mut().zip(later).for_each(|(column, later)| column.append(later));
            }
            // A transform has one row format.
            (Rows::Json(_), Rows::Columns(_)) | (Rows::Columns(_), Rows::Json(_)) => {}
        }
    }
}

impl Column {
    fn append(&mut self, later: Column) {
        // Before the values are appended: the later nulls are shifted by the slots that were there before them.
        let slots = self.values.slots();
        self.nulls.extend(later.nulls.into_iter().map(|null| null + slots));
        self.values.append(later.values);
    }
}

impl Values {
    /// How many slots the column has; a batch has fewer than 2³² of them.
    fn slots(&self) -> u32 {
        let slots = match self {
            Values::Boolean(values) => values.len(),
            Values::Int32(values) | Values::Date(values) => values.len(),
            Values::Int64(values) | Values::Timestamp(values) | Values::TimestampNtz(values) => values.len(),
            Values::Float32(values) => values.len(),
            Values::Float64(values) => values.len(),
            Values::Decimal(bytes) => bytes.len() / 16,
            Values::Utf8(strings) | Values::Binary(strings) => strings.ends.len(),
            Values::List(ends) | Values::Map(ends) => ends.len(),
            Values::Struct(slots) => return *slots,
        };
        slots as u32
    }

    fn append(&mut self, later: Values) {
        match (self, later) {
            (Values::Boolean(values), Values::Boolean(mut later)) => values.append(&mut later),
            (Values::Int32(values), Values::Int32(mut later)) => values.append(&mut later),
            (Values::Int64(values), Values::Int64(mut later)) => values.append(&mut later),
            (Values::Float32(values), Values::Float32(mut later)) => values.append(&mut later),
            (Values::Float64(values), Values::Float64(mut later)) => values.append(&mut later),
            (Values::Decimal(values), Values::Decimal(mut later)) => values.append(&mut later),
            (Values::Date(values), Values::Date(mut later)) => values.append(&mut later),
            (Values::Timestamp(values), Values::Timestamp(mut later))
            | (Values::TimestampNtz(values), Values::TimestampNtz(mut later)) => values.append(&mut later),
            (Values::Utf8(strings), Values::Utf8(later)) => strings.append(later),
            (Values::Binary(strings), Values::Binary(later)) => strings.append(later),
            (Values::List(ends), Values::List(later)) | (Values::Map(ends), Values::Map(later)) => {
                append_ends(ends, &later);
            }
            (Values::Struct(slots), Values::Struct(later)) => *slots += later,
            // Both columns have the type that the description says.
            (
                Values::Boolean(_)
                | Values::Int32(_)
                | Values::Int64(_)
                | Values::Float32(_)
                | Values::Float64(_)
                | Values::Decimal(_)
                | Values::Date(_)
                | Values::Timestamp(_)
                | Values::TimestampNtz(_)
                | Values::Utf8(_)
                | Values::Binary(_)
                | Values::List(_)
                | Values::Struct(_)
                | Values::Map(_),
                _,
            ) => {}
        }
    }
}

impl Strings {
    fn append(&mut self, mut later: Strings) {
        append_ends(&mut self.ends, &later.ends);
        self.data.append(&mut later.data);
    }
}

fn append_ends(ends: &mut Vec<u32>, later: &[u32]) {
    let shift = ends.last().copied().unwrap_or(0);
    ends.extend(later.iter().map(|end| end + shift));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(values: &[&str]) -> Strings {
        let mut strings = Strings::default();
        for value in values {
            strings.data.extend_from_slice(value.as_bytes());
            strings.ends.push(strings.data.len() as u32);
        }
        strings
    }

    fn column(values: Values, nulls: &[u32]) -> Column {
        Column { values, nulls: nulls.to_vec() }
    }

    /// Rows of one table with a text, a list of numbers, a struct of a flag, and a map of numbers.
    fn part(records: &[u32], columns: [Column; 8]) -> Part {
        let rows = Rows::Columns(columns.into());
        Part { tables: vec![TableRows { table: 1, records: records.to_vec(), rows }] }
    }

    #[test]
    fn ends_and_nulls_move_behind_what_is_there() {
        let mut first = part(
            &[0, 2],
            [
                column(Values::Utf8(text(&["a", ""])), &[1]),
                column(Values::List(vec![2, 2]), &[1]),
                column(Values::Int64(vec![7, 8]), &[0]),
                column(Values::Struct(2), &[]),
                column(Values::Boolean(vec![1, 0]), &[]),
                column(Values::Map(vec![0, 1]), &[0]),
                column(Values::Utf8(text(&["k"])), &[]),
                column(Values::TimestampNtz(vec![1]), &[0]),
            ],
        );
        first.append(part(
            &[5],
            [
                column(Values::Utf8(text(&["bc"])), &[]),
                column(Values::List(vec![1]), &[]),
                column(Values::Int64(vec![9]), &[0]),
                column(Values::Struct(1), &[0]),
                column(Values::Boolean(vec![1]), &[]),
                column(Values::Map(vec![2]), &[]),
                column(Values::Utf8(text(&["k", "l"])), &[]),
                column(Values::TimestampNtz(vec![2, 3]), &[1]),
            ],
        ));
        let whole = part(
            &[0, 2, 5],
            [
                column(Values::Utf8(text(&["a", "", "bc"])), &[1]),
                column(Values::List(vec![2, 2, 3]), &[1]),
                column(Values::Int64(vec![7, 8, 9]), &[0, 2]),
                column(Values::Struct(3), &[2]),
                column(Values::Boolean(vec![1, 0, 1]), &[]),
                column(Values::Map(vec![0, 1, 3]), &[0]),
                column(Values::Utf8(text(&["k", "k", "l"])), &[]),
                column(Values::TimestampNtz(vec![1, 2, 3]), &[0, 2]),
            ],
        );
        assert_eq!(first, whole);
    }

    #[test]
    fn tables_keep_apart() {
        let json = |table, record, row: &str| {
            let rows = Rows::Json(text(&[row]));
            Part { tables: vec![TableRows { table, records: vec![record], rows }] }
        };
        let mut first = json(0, 0, "{}");
        first.append(json(1, 1, "{}"));
        first.append(json(0, 2, "{ }"));
        assert_eq!(first.tables.len(), 2);
        assert_eq!(first.tables[0].records, [0, 2]);
        assert_eq!(first.tables[0].rows, Rows::Json(text(&["{}", "{ }"])));
    }
}
