//! What a transform may take and return, from the outside: descriptions, verdicts and columns as the host sees them.

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::json;
use sluicebox::{
    Transform,
    batch::Batch,
    description::{DataType, Field, RowFormat},
    outcome,
    prelude::*,
    testing::{Input, Runner, filtered, rejected, row, rows},
};

#[derive(Debug, Clone, Deserialize, Row)]
struct Part {
    name: String,
    weights: Option<Vec<Option<f32>>>,
}

#[derive(Debug, Deserialize, Row)]
#[row(table = "everything", partition_by = ["day", "r#type"], key = ["long", "text"], event_time = "at")]
#[row(properties = [("owner", "shop"), ("docs", "of the wiki")])]
struct Everything<'r> {
    flag: bool,
    small: i8,
    wide: u32,
    long: i64,
    float: f64,
    #[row(properties = [("comment", "net")])]
    money: Decimal<38, 3>,
    local: NaiveTimestamp,
    labels: BTreeMap<String, Option<i32>>,
    maps: Option<BTreeMap<String, Vec<Part>>>,
    #[serde(borrow)]
    text: Cow<'r, str>,
    day: Date,
    at: Option<Timestamp>,
    part: Part,
    maybe: Option<Part>,
    parts: Vec<Part>,
    #[row(rename = "r#type")]
    r#type: &'r str,
}

#[transform(name = "everything", version = "7", properties = [("team", "orders")])]
fn everything<'r>(value: Json<Everything<'r>>) -> Everything<'r> {
    value.0
}

#[test]
fn every_type_of_column_is_described_and_filled() {
    let description = everything::describe();
    assert_eq!((description.name.as_str(), description.version.as_str()), ("everything", "7"));
    assert_eq!(description.row_format, RowFormat::Columns);
    let [table] = &description.tables[..] else { panic!("one table: {description:?}") };
    assert_eq!(table.partition_columns, ["day", "r#type"]);
    assert_eq!(
        (&table.key_columns[..], table.event_time_column.as_deref()),
        (&names(["long", "text"])[..], Some("at"))
    );
    assert_eq!(table.properties, [property("owner", "shop"), property("docs", "of the wiki")]);
    assert_eq!(description.properties, [property("team", "orders")]);
    let field = |name: &str| table.fields.iter().find(|field| field.name == name).expect("it is a column");
    assert_eq!(field("money").data_type, DataType::Decimal { precision: 38, scale: 3 });
    assert!(field("at").nullable && field("maybe").nullable && !field("part").nullable);
    assert_eq!(field("money").properties, [property("comment", "net")]);
    assert_eq!(field("local").data_type, DataType::TimestampNtz);
    let (key, value) = (Field::of::<String>("key"), Field::of::<Option<i32>>("value"));
    assert_eq!(field("labels").data_type, DataType::Map { key: Box::new(key), value: Box::new(value) });
    assert!(field("maps").nullable && !field("labels").nullable);
    let weights = Field::of::<Option<Vec<Option<f32>>>>("weights");
    let item = Field::of::<Option<f32>>("item");
    assert_eq!((&weights.data_type, weights.nullable), (&DataType::List(Box::new(item)), true));
    let name = Field::of::<String>("name");
    assert_eq!(field("maybe").data_type, DataType::Struct(vec![name, weights]));

    let part = |weights: serde_json::Value| json!({"name": "p", "weights": weights});
    let mut expected = json!({
        "flag": true, "small": -128, "wide": 4_294_967_295_u32, "long": i64::MIN, "float": 0.1, "money": "-12.500",
        "local": "2024-02-29T12:30:00.500", "labels": {"b": 1, "": null, "a": -1}, "maps": null,
        "text": "a\"b", "day": "2024-02-29", "at": null, "part": part(json!([1.5, null])), "maybe": null,
        "parts": [part(json!(null)), part(json!([]))], "r#type": "t",
    });
    let mut input = expected.clone();
    input["type"] = input["r#type"].take();
    let runner = Runner::<everything>::new();
    assert_eq!(runner.run(input.clone()), row("everything", expected.clone()));

    input["maybe"] = part(json!([2.0]));
    input["at"] = json!("2024-02-29T00:00:00Z");
    input["labels"] = json!({});
    input["maps"] = json!({"x": [part(json!([1.0])), part(json!(null))], "y": []});
    expected["maybe"] = input["maybe"].clone();
    expected["at"] = input["at"].clone();
    expected["labels"] = input["labels"].clone();
    expected["maps"] = input["maps"].clone();
    assert_eq!(runner.run(input), row("everything", expected));
}

fn property(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn names<const N: usize>(names: [&str; N]) -> [String; N] {
    names.map(str::to_owned)
}

#[derive(Debug, Row, Serialize)]
#[row(format = "json")]
struct Note {
    text: String,
}

#[transform]
fn note(record: &Record<'_>) -> Result<Note, Reject> {
    Ok(Note { text: record.text()?.to_owned() })
}

#[test]
fn rows_may_cross_as_json() {
    let description = note::describe();
    assert_eq!((description.row_format, description.tables[0].name.as_str()), (RowFormat::Json, "note"));
    assert_eq!((description.name.as_str(), description.version.as_str()), ("sluicebox", env!("CARGO_PKG_VERSION")));
    let runner = Runner::<note>::new();
    assert_eq!(runner.run("a\n\"b\""), row("note", json!({"text": "a\n\"b\""})));
    assert_eq!(runner.run(b"\xff"), rejected("invalid_utf8", ""));
    assert_eq!(runner.run(Input::tombstone()), rejected("tombstone", ""));
}

#[derive(Debug, Row)]
struct Left {
    n: i64,
}

#[derive(Debug, Row)]
struct Right<'r> {
    n: &'r str,
}

#[derive(Debug, Clone, Row)]
struct Name<'r> {
    name: &'r str,
}

#[derive(Debug, Row)]
struct Number {
    number: i64,
}

#[derive(Debug, Rows)]
enum Side<'r> {
    Left(Left),
    Right(Right<'r>),
    Both((Number, Vec<Name<'r>>)),
}

/// `1`, `-x`, `2=two`, each in its tables.
#[transform]
fn sides<'r>(record: Record<'r>) -> Result<Vec<Side<'r>>, Reject> {
    record.text()?.split_ascii_whitespace().map(side).collect()
}

fn side(word: &str) -> Result<Side<'_>, Reject> {
    let number = |n: &str| n.parse().map_err(|_| Reject::new("not_a_number", "expected a number"));
    Ok(match (word.strip_prefix('-'), word.split_once('=')) {
        (Some(n), _) => Side::Right(Right { n }),
        (None, Some((n, name))) => Side::Both((Number { number: number(n)? }, vec![Name { name }; 2])),
        (None, None) => Side::Left(Left { n: number(word)? }),
    })
}

#[test]
fn rows_go_to_the_tables_of_their_variants() {
    let description = sides::describe();
    let names: Vec<_> = description.tables.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(names, ["left", "right", "number", "name"]);
    let verdicts = Runner::<sides>::new().run_all(["1 -x", "", "1 nothing", "2=two 3"]);
    let (left, right) = (|n: i64| ("left", json!({"n": n})), |n: &str| ("right", json!({"n": n})));
    let (number, name) = (("number", json!({"number": 2})), ("name", json!({"name": "two"})));
    assert_eq!(
        verdicts,
        [
            rows([left(1), right("x")]),
            filtered(),
            rejected("not_a_number", ""),
            rows([left(3), number, name.clone(), name])
        ]
    );
}

/// Where records are from.
#[derive(Debug, Row)]
struct Position<'r> {
    topic: &'r str,
    partition: i32,
    offset: i64,
    at: Option<Timestamp>,
    key: Option<Bytes<&'r [u8]>>,
    label: Option<String>,
    prefix: String,
}

#[derive(Debug, Deserialize, Configuration)]
struct Settings {
    prefix: String,
}

#[transform]
fn position<'r>(record: Record<'r>, value: Option<Json<u8>>, settings: &Settings) -> Option<Position<'r>> {
    value?;
    Some(Position {
        topic: record.topic(),
        partition: record.partition(),
        offset: record.offset(),
        at: record.timestamp(),
        key: record.key().map(Bytes),
        label: record.header("label").map(|label| String::from_utf8_lossy(label).into_owned()),
        prefix: settings.prefix.clone(),
    })
}

#[test]
fn everything_of_a_record_and_the_configuration_is_at_hand() {
    assert!(position::configure("{}").err().is_some_and(|error| error.to_string().contains("prefix")));
    assert!(
        position::describe().configuration_schema.is_some_and(|schema| schema.contains(r#""required":["prefix"]"#))
    );
    let runner = Runner::<position>::configured(&json!({"prefix": "p"}));
    let input =
        Input::value("7").key(b"\x00\xff").header("label", "a").header("label", "b").offset(41).timestamp(1_500);
    let expected = json!({
        "topic": "test", "partition": 0, "offset": 41, "at": "1970-01-01T00:00:01.500Z", "key": "AP8=", "label": "b",
        "prefix": "p",
    });
    assert_eq!(runner.run(input), row("position", expected));
    assert_eq!(runner.run(Input::tombstone()), filtered());
    assert_eq!(runner.run("256"), rejected("invalid_record", ""));
}

#[derive(Debug, Deserialize, Row)]
struct Maps {
    maps: Option<BTreeMap<String, Option<i64>>>,
    local: Option<NaiveTimestamp>,
}

#[transform]
fn maps(value: Json<Maps>) -> Maps {
    value.0
}

proptest::proptest! {
    #[test]
    fn maps_and_times_without_zone_come_back_as_they_went_in(
        rows in proptest::collection::vec(
            (
                proptest::option::of(proptest::collection::btree_map(".{0,6}", proptest::option::of(proptest::num::i64::ANY), 0..6)),
                proptest::option::of(-1_000_000_000_000_000_i64..1_000_000_000_000_000),
            ),
            0..20,
        ),
    ) {
        let row_of = |(maps, local): &(Option<BTreeMap<String, Option<i64>>>, Option<i64>)| {
            json!({"maps": maps, "local": local.map(NaiveTimestamp::from_microseconds)})
        };
        let values: Vec<_> = rows.iter().map(row_of).collect();
        let expected: Vec<_> = values.iter().map(|value| row("maps", value.clone())).collect();
        proptest::prop_assert_eq!(Runner::<maps>::new().run_all(values), expected);
    }
}

#[test]
fn limits_are_known_natively_too() {
    assert_eq!(sluicebox::limits(), sluicebox::Limits::default());
}

#[transform]
fn twice(_record: Record<'_>) -> (Left, Left) {
    (Left { n: 1 }, Left { n: 2 })
}

#[test]
#[should_panic(expected = "the table `left` is written in two places")]
fn a_table_has_one_place() {
    twice::describe();
}

#[test]
fn the_function_stays_a_function() {
    assert!(matches!(side("5"), Ok(Side::Left(Left { n: 5 }))));
    let everything: fn(Json<Everything<'static>>) -> Everything<'static> = everything;
    let _ = everything;
}

#[test]
fn a_batch_makes_one_list_a_column() {
    let mut batch = Batch::new("t", 0);
    for (offset, value) in [(0, "1 -x"), (5, "oops"), (6, ""), (9, "2 3")] {
        batch.push(offset, -1, None, Some(value.as_bytes()), []);
    }
    let outcome = Runner::<sides>::new().process(&batch);
    assert_eq!(outcome.verdicts, [1, 2, 0, 1]);
    assert_eq!(outcome.rejections.records, [1]);
    let tables: Vec<_> = outcome.rows.iter().map(|rows| (rows.table, rows.records.as_slice())).collect();
    assert_eq!(tables, [(0, &[0, 3, 3][..]), (1, &[0])], "tables without rows are left out");
    let outcome::Rows::Columns(columns) = &outcome.rows[0].rows else { panic!("typed columns") };
    assert_eq!(columns[0].values, sluicebox::column::Values::Int64(vec![1, 2, 3]));
}
