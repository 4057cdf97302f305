//! Each rule of a description, broken once.

use super::*;
use crate::description::DataType;

fn field(name: &str, data_type: wire::DataType, nullable: bool) -> wire::Field {
    wire::Field { name: name.to_owned(), data_type, nullable, properties: Vec::new() }
}

/// A table with a key, an event time, a partition, a map and properties.
fn valid() -> wire::Description {
    let mut id = field("id", wire::DataType::Utf8, false);
    id.properties.push(("comment".to_owned(), "of the shop".to_owned()));
    let fields = vec![
        id,
        field("at", wire::DataType::Timestamp, true),
        field("local", wire::DataType::TimestampNtz, true),
        field("day", wire::DataType::Date, false),
        field("labels", wire::DataType::MapOf, true),
        field("key", wire::DataType::Utf8, false),
        field("value", wire::DataType::ListOf, true),
        field("item", wire::DataType::Int64, false),
        field("ratio", wire::DataType::Float64, false),
    ];
    let table = wire::Table {
        name: "orders".to_owned(),
        fields,
        partition_columns: vec!["day".to_owned()],
        key_columns: vec!["day".to_owned(), "id".to_owned()],
        event_time_column: Some("at".to_owned()),
        write_mode: wire::WriteMode::Append,
        properties: vec![("owner".to_owned(), "shop".to_owned())],
    };
    wire::Description {
        name: "t".to_owned(),
        version: "1".to_owned(),
        configuration_schema: None,
        input_fields: Vec::new(),
        row_format: wire::RowFormat::Columns,
        tables: vec![table],
        properties: vec![("docs".to_owned(), "of the wiki".to_owned())],
    }
}

#[test]
fn a_valid_description_is_read_in_full() {
    let description = read(valid()).unwrap();
    assert_eq!(description.properties, [("docs".to_owned(), "of the wiki".to_owned())]);
    let table = &description.tables[0];
    assert_eq!(table.key_columns, ["day", "id"]);
    assert_eq!(table.event_time_column.as_deref(), Some("at"));
    assert_eq!(table.properties, [("owner".to_owned(), "shop".to_owned())]);
    assert_eq!(table.fields[0].properties, [("comment".to_owned(), "of the shop".to_owned())]);
    assert_eq!(table.field("local").map(|field| &field.data_type), Some(&DataType::TimestampNtz));
    let item = Field::new("item", DataType::Int64, false);
    let value = Box::new(Field::new("value", DataType::List(Box::new(item)), true));
    let key = Box::new(Field::new("key", DataType::Utf8, false));
    assert_eq!(table.field("labels").map(|field| &field.data_type), Some(&DataType::Map { key, value }));
    assert_eq!(table.fields.len(), 6);
}

#[test]
fn every_broken_rule_is_named() {
    type Break = fn(&mut wire::Description);
    let cases: &[(&str, Break)] = &[
        ("`name` is empty", |d| d.name.clear()),
        ("`name` must have at most 200 bytes", |d| d.name = "n".repeat(201)),
        ("`version` must have at most 200 bytes", |d| d.version = "1".repeat(4 << 20)),
        ("no control characters", |d| d.version = "1\u{1b}[2J".to_owned()),
        ("`configuration-schema` has 262145 bytes", |d| d.configuration_schema = Some("x".repeat((256 << 10) + 1))),
        ("(`input-fields`), which this version does not decode", |d| {
            d.input_fields.push(field("id", wire::DataType::Utf8, false));
        }),
        ("0 tables", |d| d.tables.clear()),
        ("table `orders` is described twice", |d| d.tables.push(valid().tables.remove(0))),
        ("`Orders` cannot name a table", |d| d.tables[0].name = "Orders".to_owned()),
        ("partition column `town` is not a top-level field", |d| d.tables[0].partition_columns[0] = "town".to_owned()),
        ("partition column `day` is named twice", |d| d.tables[0].partition_columns.push("day".to_owned())),
        ("partition column `labels` is map<utf8, list<int64>>", |d| {
            d.tables[0].partition_columns[0] = "labels".to_owned();
        }),
        ("key column `town` is not a top-level field", |d| d.tables[0].key_columns[0] = "town".to_owned()),
        ("key column `item` is not a top-level field", |d| d.tables[0].key_columns[0] = "item".to_owned()),
        ("key column `id` is named twice", |d| d.tables[0].key_columns.push("id".to_owned())),
        ("key column `ratio` is float64", |d| d.tables[0].key_columns[0] = "ratio".to_owned()),
        ("key column `at` may be null", |d| d.tables[0].key_columns[0] = "at".to_owned()),
        ("event-time column `town` is not a top-level field", |d| {
            d.tables[0].event_time_column = Some("town".to_owned());
        }),
        ("event-time column `local` is timestamp_ntz", |d| d.tables[0].event_time_column = Some("local".to_owned())),
        ("table `orders`: its write mode is `keyed`", |d| d.tables[0].write_mode = wire::WriteMode::Keyed),
        ("property `docs` comes twice", |d| d.properties.push(d.properties[0].clone())),
        ("properties[0]: a name has", |d| d.properties[0].0.clear()),
        ("knows the property `require-x`", |d| d.properties[0].0 = "require-x".to_owned()),
        ("table `orders`: it needs a host that knows the property `require-y`", |d| {
            d.tables[0].properties[0].0 = "require-y".to_owned();
        }),
        ("field `id`: it needs a host that knows the property `require-z`", |d| {
            d.tables[0].fields[0].properties[0].0 = "require-z".to_owned();
        }),
        ("field `labels`: its key is int64", |d| d.tables[0].fields[5].data_type = wire::DataType::Int64),
        ("field `labels`: its key is utf8, may be null", |d| d.tables[0].fields[5].nullable = true),
        ("a map's key and value must follow", |d| {
            d.tables[0].fields.push(field("more", wire::DataType::MapOf, true));
            d.tables[0].fields.push(field("key", wire::DataType::Utf8, false));
        }),
        ("field `ID` comes twice", |d| d.tables[0].fields[1].name = "ID".to_owned()),
        ("`_kafka_` are the host's own", |d| d.tables[0].fields[2].name = "_Kafka_at".to_owned()),
    ];
    for (message, break_it) in cases {
        let mut described = valid();
        break_it(&mut described);
        match read(described) {
            Err(what) => assert!(what.contains(message), "expected `{message}`, got `{what}`"),
            Ok(_) => panic!("expected `{message}`"),
        }
    }
}
