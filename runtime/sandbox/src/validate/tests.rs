//! Validation never panics, each broken rule is named, and what passes keeps every promise.

use proptest::prelude::*;

use super::*;
use crate::description::{DataType, Field, Table};

fn field(name: &str, data_type: DataType, nullable: bool) -> Field {
    Field::new(name, data_type, nullable)
}

/// One table with a field of every type.
fn description(row_format: RowFormat) -> Description {
    let fields = vec![
        field("id", DataType::Int64, false),
        field("note", DataType::Utf8, true),
        field("paid", DataType::Boolean, true),
        field("price", DataType::Decimal { precision: 4, scale: 2 }, false),
        field("tags", DataType::List(Box::new(field("item", DataType::Utf8, false))), true),
        field(
            "at",
            DataType::Struct(vec![field("x", DataType::Float64, false), field("raw", DataType::Binary, true)]),
            true,
        ),
        field(
            "seen",
            DataType::Map {
                key: Box::new(field("key", DataType::Utf8, false)),
                value: Box::new(field("value", DataType::TimestampNtz, true)),
            },
            true,
        ),
    ];
    Description {
        name: "t".to_owned(),
        version: "1".to_owned(),
        configuration_schema: None,
        row_format,
        tables: vec![Table::new("orders", fields)],
        properties: Vec::new(),
    }
}

fn strings(values: &[&str]) -> wire::Strings {
    let mut strings = wire::Strings { data: Vec::new(), ends: Vec::new() };
    for value in values {
        strings.data.extend_from_slice(value.as_bytes());
        strings.ends.push(strings.data.len() as u32);
    }
    strings
}

fn column(values: wire::Values, nulls: &[u32]) -> wire::Column {
    wire::Column { values, nulls: nulls.to_vec() }
}

fn decimals(values: &[i128]) -> wire::Values {
    wire::Values::Decimal(values.iter().flat_map(|value| value.to_le_bytes()).collect())
}

fn table_rows(table: u32, records: Vec<u32>, columns: Vec<wire::Column>) -> wire::TableRows {
    wire::TableRows { table, records, operations: Vec::new(), rows: wire::Rows::Columns(columns) }
}

/// Records: emitted (two rows), filtered, rejected, emitted (one row).
fn valid() -> wire::Outcome {
    let columns = vec![
        column(wire::Values::Int64(vec![1, 2, 3]), &[]),
        column(wire::Values::Utf8(strings(&["é", "", "z"])), &[1]),
        column(wire::Values::Boolean(vec![0, 1, 0]), &[2]),
        column(decimals(&[9999, -9999, 0]), &[]),
        column(wire::Values::ListOf(vec![2, 2, 3]), &[]),
        column(wire::Values::Utf8(strings(&["a", "b", "c"])), &[]),
        column(wire::Values::StructOf(3), &[0]),
        column(wire::Values::Float64(vec![0.0, f64::NAN, 1.0]), &[0]),
        column(wire::Values::Binary(strings(&["", "\u{1}", ""])), &[]),
        column(wire::Values::MapOf(vec![3, 3, 4]), &[1]),
        column(wire::Values::Utf8(strings(&["b", "a", "", "b"])), &[]),
        column(wire::Values::TimestampNtz(vec![1, 2, 3, 4]), &[2]),
    ];
    wire::Outcome {
        verdicts: vec![1, 0, 2, 1],
        rows: vec![table_rows(0, vec![0, 0, 3], columns)],
        rejections: wire::Rejections {
            records: vec![2],
            codes: strings(&["bad"]),
            messages: strings(&["very bad"]),
            paths: strings(&["a.b"]),
        },
    }
}

fn check(raw: wire::Outcome) -> Result<Answer, Fault> {
    outcome(raw, 4, &description(RowFormat::Columns), &Limits::default())
}

fn columns(raw: &mut wire::Outcome) -> &mut Vec<wire::Column> {
    match &mut raw.rows[0].rows {
        wire::Rows::Columns(columns) => columns,
        wire::Rows::Json(_) => unreachable!("the sample has columns"),
    }
}

#[test]
fn a_valid_outcome_passes_unchanged() {
    let answer = check(valid()).unwrap();
    assert_eq!(answer.verdicts, [Verdict::Emitted, Verdict::Filtered, Verdict::Rejected, Verdict::Emitted]);
    assert_eq!(answer.part.tables[0].records, [0, 0, 3]);
    assert_eq!(answer.rejections, [(2, "bad".to_owned(), "very bad".to_owned(), Some("a.b".to_owned()))]);
}

type Break = fn(&mut wire::Outcome);

/// Each breaks one rule of the valid outcome, above its columns; the message must name what.
const BROKEN_OUTCOMES: &[(&str, Break)] = &[
    ("3 verdicts for 4 records", |o| {
        o.verdicts.pop();
    }),
    ("verdicts[1] is 3", |o| o.verdicts[1] = 3),
    ("record 0 has rows, but its verdict is Filtered", |o| o.verdicts[0] = 0),
    ("verdict of record 1 is Emitted, but it has no rows", |o| o.verdicts[1] = 1),
    ("must name exactly the 1 records", |o| {
        o.verdicts[1] = 2;
        o.verdicts[2] = 0;
    }),
    ("must name exactly the 2 records", |o| o.verdicts[1] = 2),
    ("rejections.codes: 0 ends for 1 values", |o| o.rejections.codes = strings(&[])),
    ("rejections.messages: value 0 is not UTF-8", |o| o.rejections.messages.data[0] = 0xff),
    ("rejections.paths: the last end is 3, but there are 4", |o| o.rejections.paths.data.push(b'x')),
    ("rows for table 1, but the transform describes 1", |o| o.rows[0].table = 1),
    ("table `orders` comes twice", |o| o.rows.push(table_rows(0, vec![], empty_columns()))),
    ("records[1] of the rows of table 0 is 0, after 3", |o| o.rows[0].records = vec![3, 0, 3]),
    ("records[2] of the rows of table 0 is 4, but the batch has 4", |o| o.rows[0].records[2] = 4),
    ("not in the row format", |o| {
        o.rows[0].rows = wire::Rows::Json(wire::ByteStrings { data: vec![], ends: vec![0, 0, 0], nulls: vec![] })
    }),
    ("column `seen.value`: missing", |o| {
        columns(o).pop();
    }),
    ("rows of table `orders`: 2 operations for 3 rows", |o| o.rows[0].operations = vec![0, 0]),
    ("operations[1] is 1 (upsert), but the table's write mode is `append`", |o| {
        o.rows[0].operations = vec![0, 1, 2];
    }),
    ("operations[2] is 2 (delete)", |o| o.rows[0].operations = vec![0, 0, 2]),
    ("operations[0] is 3; only 0, 1 and 2 have a meaning", |o| o.rows[0].operations = vec![3, 0, 0]),
];

/// The same within the columns.
const BROKEN_COLUMNS: &[(&str, Break)] = &[
    ("column `seen`: ends[1] is 1, less than", |o| columns(o)[9].values = wire::Values::MapOf(vec![2, 1, 4])),
    ("column `seen.key`: 4 ends for 5 values", |o| columns(o)[9].values = wire::Values::MapOf(vec![3, 3, 5])),
    ("column `seen.key`: slot 0 is null, but the field is not nullable", |o| columns(o)[10].nulls = vec![0]),
    ("column `seen`: entry 2 of slot 0 has the key of an entry before it", |o| {
        columns(o)[10].values = wire::Values::Utf8(strings(&["b", "a", "b", "b"]));
    }),
    ("column `seen`: entry 1 of slot 0 has the key of an entry before it", |o| {
        columns(o)[10].values = wire::Values::Utf8(strings(&["a", "a", "b", "c"]));
    }),
    ("column `seen.value`: is timestamp, but the field is timestamp_ntz", |o| {
        columns(o)[11].values = wire::Values::Timestamp(vec![0; 4]);
    }),
    ("column `seen.value`: 3 values for 4 slots", |o| {
        columns(o)[11].values = wire::Values::TimestampNtz(vec![0; 3]);
    }),
    ("1 more columns than fields", |o| {
        let extra = column(wire::Values::Int64(vec![1]), &[]);
        columns(o).push(extra);
    }),
    ("column `id`: is utf8, but the field is int64", |o| {
        columns(o)[0].values = wire::Values::Utf8(strings(&["", "", ""]))
    }),
    ("column `id`: 2 values for 3 slots", |o| columns(o)[0].values = wire::Values::Int64(vec![1, 2])),
    ("column `id`: slot 1 is null, but the field is not nullable", |o| columns(o)[0].nulls = vec![1]),
    ("column `note`: nulls[1] is 0, not above", |o| columns(o)[1].nulls = vec![1, 0]),
    ("column `note`: nulls[1] is 1, not above", |o| columns(o)[1].nulls = vec![1, 1]),
    ("column `note`: null slot 3 of 3", |o| columns(o)[1].nulls = vec![3]),
    ("column `note`: value 0 is not UTF-8: it ends within a character", |o| {
        columns(o)[1].values = wire::Values::Utf8(wire::Strings { data: "é".into(), ends: vec![1, 2, 2] })
    }),
    ("column `note`: ends[1] is 1, less than", |o| {
        columns(o)[1].values = wire::Values::Utf8(wire::Strings { data: "ab".into(), ends: vec![2, 1, 2] })
    }),
    ("column `note`: the last end is 9, but there are 2", |o| {
        columns(o)[1].values = wire::Values::Utf8(wire::Strings { data: "ab".into(), ends: vec![0, 1, 9] })
    }),
    ("column `paid`: slot 1 is 2, neither 0 nor 1", |o| columns(o)[2].values = wire::Values::Boolean(vec![0, 2, 0])),
    ("column `price`: slot 1 has more than 4 digits", |o| columns(o)[3].values = decimals(&[0, -10000, 0])),
    ("column `price`: 17 bytes for 3 slots", |o| columns(o)[3].values = wire::Values::Decimal(vec![0; 17])),
    ("column `tags`: ends[1] is 1, less than", |o| columns(o)[4].values = wire::Values::ListOf(vec![2, 1, 3])),
    ("column `tags[]`: 3 ends for 4 values", |o| columns(o)[4].values = wire::Values::ListOf(vec![2, 2, 4])),
    ("column `at`: 2 values for 3 slots", |o| columns(o)[6].values = wire::Values::StructOf(2)),
    ("column `at.x`: slot 1 is null, but the field is not nullable", |o| columns(o)[7].nulls = vec![1]),
];

#[test]
fn every_broken_rule_is_named() {
    for (message, break_it) in BROKEN_OUTCOMES.iter().chain(BROKEN_COLUMNS) {
        let mut raw = valid();
        break_it(&mut raw);
        match check(raw) {
            Err(Fault::Malformed(what)) => assert!(what.contains(message), "expected `{message}`, got `{what}`"),
            other => panic!("expected `{message}`, got {other:?}"),
        }
    }
}

fn empty_columns() -> Vec<wire::Column> {
    vec![
        column(wire::Values::Int64(vec![]), &[]),
        column(wire::Values::Utf8(strings(&[])), &[]),
        column(wire::Values::Boolean(vec![]), &[]),
        column(decimals(&[]), &[]),
        column(wire::Values::ListOf(vec![]), &[]),
        column(wire::Values::Utf8(strings(&[])), &[]),
        column(wire::Values::StructOf(0), &[]),
        column(wire::Values::Float64(vec![]), &[]),
        column(wire::Values::Binary(strings(&[])), &[]),
        column(wire::Values::MapOf(vec![]), &[]),
        column(wire::Values::Utf8(strings(&[])), &[]),
        column(wire::Values::TimestampNtz(vec![]), &[]),
    ]
}

#[test]
fn operations_that_only_append_pass() {
    let mut raw = valid();
    raw.rows[0].operations = vec![0, 0, 0];
    let description = description(RowFormat::Columns);
    assert_eq!(bytes(&raw, &description), bytes(&valid(), &description) + 3, "they count as output");
    assert_eq!(check(raw).unwrap().part.tables[0].records, [0, 0, 3]);
}

#[test]
fn too_many_rows_are_one_records_fault() {
    let limits = Limits { record_rows_max: 1, ..Limits::default() };
    let fault = outcome(valid(), 4, &description(RowFormat::Columns), &limits).unwrap_err();
    assert_eq!(fault, Fault::TooManyRows { record: 0, rows: 2 });
}

/// The valid outcome, checked with these rows instead.
fn json(data: &[u8], ends: &[u32], nulls: &[u32]) -> Result<Answer, Fault> {
    let rows = wire::ByteStrings { data: data.to_vec(), ends: ends.to_vec(), nulls: nulls.to_vec() };
    let mut raw = valid();
    raw.rows[0].rows = wire::Rows::Json(rows);
    outcome(raw, 4, &description(RowFormat::Json), &Limits::default())
}

#[test]
fn json_rows_are_text_and_never_null() {
    assert!(json(b"{}{}{}", &[2, 4, 6], &[]).is_ok());
    assert!(json(b"{}{}", &[2, 4, 4], &[2]).is_err());
    assert!(json(b"{}{}\xff", &[2, 4, 5], &[]).is_err());
    assert!(json(b"{}{}", &[2, 4], &[]).is_err());
}

fn any_strings() -> impl Strategy<Value = wire::Strings> {
    (prop::collection::vec(any::<u8>(), 0..6), prop::collection::vec(0u32..8, 0..5))
        .prop_map(|(data, ends)| wire::Strings { data, ends })
}

fn any_values() -> impl Strategy<Value = wire::Values> {
    prop_oneof![
        prop::collection::vec(0u8..3, 0..5).prop_map(wire::Values::Boolean),
        prop::collection::vec(any::<i64>(), 0..5).prop_map(wire::Values::Int64),
        prop::collection::vec(any::<f64>(), 0..5).prop_map(wire::Values::Float64),
        prop::collection::vec(any::<u8>(), 0..64).prop_map(wire::Values::Decimal),
        any_strings().prop_map(wire::Values::Utf8),
        any_strings().prop_map(wire::Values::Binary),
        prop::collection::vec(any::<i64>(), 0..5).prop_map(wire::Values::TimestampNtz),
        prop::collection::vec(any::<u32>(), 0..5).prop_map(wire::Values::ListOf),
        prop::collection::vec(0u32..6, 0..5).prop_map(wire::Values::MapOf),
        any::<u32>().prop_map(wire::Values::StructOf),
    ]
}

fn any_column() -> impl Strategy<Value = wire::Column> {
    (any_values(), prop::collection::vec(0u32..6, 0..4)).prop_map(|(values, nulls)| wire::Column { values, nulls })
}

fn any_rows() -> impl Strategy<Value = wire::TableRows> {
    let operations = prop::collection::vec(0u8..4, 0..5);
    (0u32..2, prop::collection::vec(0u32..5, 0..5), operations, prop::collection::vec(any_column(), 0..14)).prop_map(
        |(table, records, operations, columns)| wire::TableRows {
            table,
            records,
            operations,
            rows: wire::Rows::Columns(columns),
        },
    )
}

proptest! {
    #[test]
    fn nonsense_never_panics(
        verdicts in prop::collection::vec(0u8..4, 0..6),
        rows in prop::collection::vec(any_rows(), 0..3),
        records in prop::collection::vec(any::<u32>(), 0..4),
        codes in any_strings(), messages in any_strings(), paths in any_strings(),
    ) {
        let raw = wire::Outcome { verdicts, rows, rejections: wire::Rejections { records, codes, messages, paths } };
        prop_assert!(bytes(&raw, &description(RowFormat::Columns)) < 1 << 20);
        drop(check(raw));
    }

    /// Nearly valid outcomes reach the deep checks: one column of the valid one is replaced.
    #[test]
    fn one_odd_column_never_panics(index in 0usize..12, odd in any_column()) {
        let mut raw = valid();
        columns(&mut raw)[index] = odd;
        if let Ok(answer) = check(raw) {
            let Rows::Columns(columns) = &answer.part.tables[0].rows else { unreachable!("declared") };
            prop_assert_eq!(columns.len(), 12);
        }
    }
}
