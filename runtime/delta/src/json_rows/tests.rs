//! What fits, what does not, and that a row which does not leaves nothing behind.

use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::{DataType, Decimal128Type, Field, Int64Type, Schema, TimeUnit};

use super::*;

const SECRET: &str = "SECRET-4111";

fn field(name: &str, data_type: DataType) -> Arc<Field> {
    Arc::new(Field::new(name, data_type, true))
}

fn schema() -> SchemaRef {
    let pair = DataType::Struct(
        vec![Field::new("key", DataType::Utf8, false), Field::new("value", DataType::Int64, true)].into(),
    );
    let inner = vec![Field::new("x", DataType::Int64, false), Field::new("y", DataType::Utf8, true)];
    Arc::new(Schema::new(vec![
        Arc::new(Field::new("id", DataType::Utf8, false)),
        field("bool", DataType::Boolean),
        field("int", DataType::Int32),
        field("long", DataType::Int64),
        field("float", DataType::Float32),
        field("double", DataType::Float64),
        field("money", DataType::Decimal128(12, 2)),
        field("bytes", DataType::Binary),
        field("day", DataType::Date32),
        field("at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))),
        field("local", DataType::Timestamp(TimeUnit::Microsecond, None)),
        field("list", DataType::new_list(DataType::Int64, false)),
        field("map", DataType::Map(Arc::new(Field::new("entries", pair, false)), false)),
        field("inner", DataType::Struct(inner.into())),
    ]))
}

fn rows<T: AsRef<str>>(texts: &[T]) -> Strings {
    let mut rows = Strings { data: Vec::new(), ends: Vec::new() };
    for text in texts {
        rows.data.extend_from_slice(text.as_ref().as_bytes());
        rows.ends.push(rows.data.len() as u32);
    }
    rows
}

/// What is wrong with each row, and the rows that fit.
fn decoded<T: AsRef<str>>(texts: &[T]) -> (RecordBatch, Vec<(usize, String)>) {
    let (batch, misfits) = decode(&rows(texts), &schema()).expect("decodes");
    (batch, misfits.into_iter().map(|misfit| (misfit.row, misfit.message)).collect())
}

/// Rows with an id and one field more.
fn fields(fields: &[&str]) -> Vec<String> {
    fields.iter().map(|field| format!(r#"{{"id":"a",{field}}}"#)).collect()
}

#[test]
fn every_type_is_read_from_its_form() {
    let full = r#" { "inner" : {"y":"\u00e9\ud83d\ude00\n\/","x":-1}, "id":"a", "bool":false, "int":-2147483648,
        "long":9223372036854775807, "float":"NaN", "double":-0.0, "money":"-1.50", "bytes":"00fF", "day":"2024-02-29",
        "at":"2024-02-29T12:30:00.123456+01:00", "local":"0001-01-01 00:00:00", "list":[1, 2 ],
        "map":{"a":1,"":null} } "#;
    let (batch, misfits) = decoded(&[full, r#"{"id":"b","inner":null,"list":[],"map":{}}"#, r#"{"id":"c"}"#]);
    assert_eq!(misfits, []);
    let shown = arrow::util::display::ArrayFormatter::try_new;
    let options = arrow::util::display::FormatOptions::new().with_null("-");
    let cells = |row: usize| -> Vec<String> {
        batch.columns().iter().map(|array| shown(array, &options).expect("formats").value(row).to_string()).collect()
    };
    let expected = [
        "a",
        "false",
        "-2147483648",
        "9223372036854775807",
        "NaN",
        "-0.0",
        "-1.50",
        "00ff",
        "2024-02-29",
        "2024-02-29T11:30:00.123456Z",
        "0001-01-01T00:00:00",
        "[1, 2]",
        "{a: 1, : -}",
        "{x: -1, y: é😀\n/}",
    ];
    assert_eq!(cells(0), expected);
    assert_eq!(cells(1)[11..], ["[]", "{}", "-"]);
    assert!(cells(2)[1..].iter().all(|cell| cell == "-"));
}

#[test]
fn what_a_column_would_cut_is_a_misfit() {
    let cut = fields(&[
        r#""int":1.9"#,
        r#""int":2147483648"#,
        r#""long":9223372036854775808"#,
        r#""long":1e19"#,
        r#""float":1e39"#,
        r#""float":16777217"#,
        r#""double":1e309"#,
        r#""double":9007199254740993"#,
        r#""money":12.999"#,
        r#""money":"12.999""#,
        r#""money":10000000000"#,
        r#""bytes":"0""#,
        r#""day":"2024-01-01T12:00:00Z""#,
        r#""day":"2024-01-01T00:00:00Z""#,
        r#""at":"2024-01-01T00:00:00""#,
        r#""at":"2024-01-01T00:00:00.1234567Z""#,
        r#""at":"2016-12-31T23:59:60Z""#,
        r#""local":"2024-01-01T00:00:00Z""#,
        r#""long":1,"long":1"#,
        r#""map":{"a":1,"\u0061":2}"#,
        r#""inner":{"x":1,"x":2}"#,
        r#""inner":{"x":1,"z":2}"#,
        r#""inner":{"y":"a"}"#,
        r#""list":[1,null]"#,
        r#""list":[1.5]"#,
    ]);
    let (batch, misfits) = decoded(&cut);
    assert_eq!((batch.num_rows(), misfits.len()), (0, cut.len()));
    let messages: Vec<&str> = misfits.iter().map(|(_, message)| message.as_str()).collect();
    assert_eq!(messages[0], "column `int`: the number has a fraction, which the column would lose");
    assert_eq!(messages[8], "column `money`: the number has more than 2 digits behind the point");
    assert_eq!(messages[13], "column `day`: the text has a time of day, which a date would lose");
    assert_eq!(messages[18], "column `long`: the object has the field twice");
    assert_eq!(messages[22], "column `inner.x`: the field is missing, and the column is not nullable");
}

#[test]
fn what_is_another_type_is_a_misfit() {
    let other = fields(&[
        r#""id2":1"#,
        r#""bool":0"#,
        r#""bool":"true""#,
        r#""int":"42""#,
        r#""int":true"#,
        r#""long":[1]"#,
        r#""double":"1.5""#,
        r#""double":"inf""#,
        r#""money":" 1""#,
        r#""money":"1e++2""#,
        r#""money":false"#,
        r#""bytes":255"#,
        r#""day":19782"#,
        r#""at":1.5"#,
        r#""at":1704067200000"#,
        r#""local":{}"#,
        r#""list":{}"#,
        r#""map":[]"#,
        r#""inner":[1,"a"]"#,
    ]);
    let texts = [other, [r#"{"id":1}"#, r#"{"id":null}"#, r#"{"id":["a"]}"#].map(str::to_owned).to_vec()].concat();
    let (batch, misfits) = decoded(&texts);
    assert_eq!((batch.num_rows(), misfits.len()), (0, texts.len()), "{misfits:?}");
    assert_eq!(misfits[0].1, "the table does not have field 2 of the object");
    assert_eq!(misfits[19].1, "column `id`: the value is a number, not text");
}

#[test]
fn what_is_not_one_object_is_a_misfit() {
    let texts = [
        "",
        " ",
        "null",
        "[]",
        "1",
        r#""a""#,
        r#"{"id":"a"}{"id":"b"}"#,
        r#"{"id":"a"},"#,
        r#"{"id":"a",}"#,
        r#"{,"id":"a"}"#,
        r#"{"id":"a" "int":1}"#,
        r#"{"id" "a"}"#,
        r#"{"id":"a"#,
        r#"{"id":"a""#,
        r#"{"id":"a\"#,
        r#"{"id":"\x"}"#,
        r#"{"id":"\u12"}"#,
        r#"{"id":"\u+123"}"#,
        r#"{"id":"\ud800"}"#,
        r#"{"id":"\ud800\u0041"}"#,
        r#"{"id":"\udc00\ud800"}"#,
        "{\"id\":\"a\nb\"}",
        "{\"id\":\"a\0\"}",
        r#"{"id":"a","int":01}"#,
        r#"{"id":"a","int":+1}"#,
        r#"{"id":"a","int":-}"#,
        r#"{"id":"a","double":1.}"#,
        r#"{"id":"a","double":.5}"#,
        r#"{"id":"a","double":1e}"#,
        r#"{"id":"a","double":NaN}"#,
        r#"{"id":"a","bool":tru}"#,
        r#"{"id":"a","bool":nul}"#,
        r#"{"id":"a","list":[1,]}"#,
        r#"{"id":"a","list":[1"#,
        r#"{id:"a"}"#,
        r#"{'id':'a'}"#,
    ];
    let (batch, misfits) = decoded(&texts);
    assert_eq!((batch.num_rows(), misfits.len()), (0, texts.len()), "{misfits:?}");
}

#[test]
fn a_misfit_does_not_take_its_neighbours_along() {
    let mut texts = Vec::new();
    for row in 0..300 {
        texts.push(format!(
            r#"{{"id":"{row}","bool":true,"long":{row},"money":{row},"bytes":"{row:04}","list":[{row}],"map":{{"k":{row}}},"inner":{{"y":"{row}","x":1}}}}"#
        ));
        // Each fails at the end of a value that has left something in every column before it.
        texts.push(
            r#"{"id":"z","bool":false,"bytes":"ffxx","list":[7],"map":{"z":7},"inner":{"y":"z","x":1.5}}"#.to_owned(),
        );
        texts.push(r#"{"bool":false,"list":[7,8],"map":{"z":7,"y":[]},"id":"z"}"#.to_owned());
    }
    let (batch, misfits) = decoded(&texts);
    assert_eq!((batch.num_rows(), misfits.len()), (300, 600));
    assert!(misfits.iter().all(|(row, _)| row % 3 != 0));
    let alone: Vec<String> = texts.iter().step_by(3).cloned().collect();
    assert_eq!(decoded(&alone).0, batch);
    assert_eq!(batch.column(3).as_primitive::<Int64Type>().values()[299], 299);
    assert_eq!(batch.column(6).as_primitive::<Decimal128Type>().value(299), 29_900);
}

#[test]
fn many_columns_come_in_any_order() {
    let names: Vec<String> = (0..40).map(|column| format!("c{column}")).collect();
    let schema =
        Arc::new(Schema::new(names.iter().map(|name| Field::new(name, DataType::Int64, true)).collect::<Vec<_>>()));
    let pairs: Vec<String> = names.iter().rev().map(|name| format!(r#""{name}":{}"#, &name[1..])).collect();
    let (batch, misfits) =
        decode(&rows(&[format!("{{{}}}", pairs.join(",")), r#"{"d":1}"#.to_owned()]), &schema).expect("decodes");
    assert_eq!(misfits.len(), 1);
    assert!((0..40).all(|column| batch.column(column).as_primitive::<Int64Type>().value(0) == column as i64));
    assert_eq!(batch.column(0).null_count(), 0);
}

#[test]
fn messages_do_not_quote_payloads() {
    let wrong = [
        format!(r#""{SECRET}""#),
        format!(r#""a\"{SECRET}\"b""#),
        format!(r#"["{SECRET}"]"#),
        format!(r#"{{"{SECRET}":{{"{SECRET}":0}}}}"#),
        format!(r#"{{"x":"{SECRET}"}}"#),
        SECRET.to_owned(),
        "4111.4111".to_owned(),
        "4111e4111".to_owned(),
    ];
    let mut texts = vec![SECRET.to_owned(), format!(r#"{{"{SECRET}":1}}"#), format!(r#"{{"id":"a"}} {SECRET}"#)];
    for field in schema().fields() {
        texts.extend(wrong.iter().map(|value| format!(r#"{{"{}":{value}}}"#, field.name())));
    }
    let (_, misfits) = decoded(&texts);
    assert!(misfits.len() > texts.len() - 10, "{misfits:?}");
    assert!(misfits.iter().all(|(_, message)| !message.contains("SECRET") && !message.contains("4111")), "{misfits:?}");
}

#[test]
fn a_decoder_without_columns_knows_no_field() {
    let (batch, misfits) = decode(&rows(&["{}", r#"{"a":1}"#]), &Arc::new(Schema::empty())).expect("decodes");
    assert_eq!((batch.num_rows(), misfits.len()), (1, 1));
}
