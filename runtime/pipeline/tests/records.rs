//! `docs/records.md` against the reader of records: its examples, its list of fields and its errors.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use sluicebox_pipeline::source::record_line::RecordLine;

fn page() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/records.md")).unwrap()
}

/// The cells of the rows of the table whose heading begins with `first`.
fn table(page: &str, first: &str) -> Vec<Vec<String>> {
    // Past the heading and the line of dashes below it.
    let rows = page.lines().skip_while(|line| !line.starts_with(&format!("| {first} |"))).skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect()).collect()
}

#[test]
fn every_example_is_a_record() {
    let page = page();
    let block = page.split("```jsonl\n").nth(1).unwrap().split("```").next().unwrap();
    let records: Vec<RecordLine> = block.lines().map(|line| RecordLine::parse(line.as_bytes()).unwrap()).collect();
    assert_eq!(records[0].headers, [(b"source".to_vec(), Some(b"web".to_vec()))]);
    assert_eq!(records[1].value.as_deref(), Some(br#"{"order_id": "o-2", "amount": 0.10}"#.as_slice()));
    assert_eq!(records[2].value.as_deref(), Some([1, 2].as_slice()), "the page says that the third is bytes");
    assert_eq!(records[3].value, None, "the page says that the fourth is a tombstone");
    let position = (records[4].topic.as_deref(), records[4].partition, records[4].offset);
    assert_eq!(position, (Some("orders"), Some(3), Some(117)), "the page says that the fifth has a position");
    assert_eq!(records.len(), 5);
}

#[test]
fn every_wrong_line_gives_its_error() {
    let rows = table(&page(), "line");
    assert_eq!(rows.len(), 4);
    for row in rows {
        let error = RecordLine::parse(row[0].trim_matches('`').as_bytes()).unwrap_err().to_string();
        assert!(error.contains(&row[1]), "{}: {error}", row[0]);
    }
}

/// The reader lists its fields when it refuses one that it does not know.
#[test]
fn every_field_is_on_the_page() {
    let error = RecordLine::parse(br#"{"?": 1}"#).unwrap_err().to_string();
    let expected = error.split("expected one of ").nth(1).unwrap();
    let mut known: Vec<String> = expected.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    let mut listed: Vec<String> =
        table(&page(), "field").iter().map(|row| row[0].trim_matches('`').to_owned()).collect();
    known.sort();
    listed.sort();
    assert_eq!(listed, known);
}
