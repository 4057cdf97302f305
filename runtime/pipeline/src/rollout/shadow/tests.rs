//! What a comparison finds, record by record.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use sluicebox_delta::RowDecoder;
use sluicebox_sandbox::{NO_HEADERS, Part, Rejection, Rows, Strings, TableRows};

use super::*;

/// What one side says of a record: its rows as JSON, nothing, or who rejected it with which code.
enum Said {
    Rows(&'static [&'static str]),
    Nothing,
    Rejected(sluicebox_sandbox::Stage, &'static str),
}

use Said::{Nothing, Rejected, Rows as Emitted};

fn judge(columns: &[(&str, DataType)]) -> Decoders {
    let fields: Vec<Field> = columns.iter().map(|(name, kind)| Field::new(*name, kind.clone(), true)).collect();
    let names: Vec<String> = columns.iter().map(|(name, _)| (*name).to_owned()).collect();
    let decoder = RowDecoder::new(Arc::new(Schema::new(fields)), &names, &[]).unwrap();
    Decoders::new(vec![("orders".to_owned(), decoder)])
}

fn batch(records: usize) -> Batch {
    let mut batch = Batch::new(Arc::from("orders"), 3);
    for record in 0..records {
        batch.push(100 + record as i64, -1, None, Some(b"secret payload"), NO_HEADERS);
    }
    batch
}

fn outcome(said: &[Said]) -> Outcome {
    let (mut outcome, mut records, mut texts) = (Outcome::default(), Vec::new(), Strings::default());
    for (record, said) in said.iter().enumerate() {
        outcome.verdicts.push(match said {
            Emitted(rows) => {
                for row in *rows {
                    records.push(record as u32);
                    texts.data.extend(row.as_bytes());
                    texts.ends.push(texts.data.len() as u32);
                }
                Verdict::Emitted
            }
            Nothing => Verdict::Filtered,
            Rejected(stage, code) => {
                let (code, message) = ((*code).to_owned(), "secret payload".to_owned());
                let (path, backtrace) = (None, None);
                outcome.rejections.push(Rejection { record, stage: *stage, code, message, path, backtrace });
                Verdict::Rejected
            }
        });
    }
    let rows = TableRows { table: 0, records, rows: Rows::Json(texts) };
    outcome.parts.push(Part { tables: vec![rows] });
    outcome
}

fn compared(judged: &[Said], tried: &[Said]) -> Comparison {
    let columns = [("id", DataType::Utf8), ("amount", DataType::Int64)];
    // The candidate's columns are in another order, and one more.
    let other = [("amount", DataType::Int64), ("note", DataType::Utf8), ("id", DataType::Utf8)];
    compare(&judge(&columns), &judge(&other), &batch(judged.len()), outcome(judged), outcome(tried)).unwrap()
}

fn counts(found: &Comparison) -> (u64, u64, u64, u64) {
    (found.agreed, found.differed, found.failed, found.slower)
}

const GUEST: sluicebox_sandbox::Stage = sluicebox_sandbox::Stage::Transform;
const SANDBOX: sluicebox_sandbox::Stage = sluicebox_sandbox::Stage::Sandbox;

#[test]
fn the_same_rows_agree_whatever_else_the_candidate_writes() {
    let judged = [Emitted(&[r#"{"id":"a","amount":1}"#]), Nothing, Rejected(GUEST, "bad")];
    let tried = [Emitted(&[r#"{"amount":1,"note":"new","id":"a"}"#]), Nothing, Rejected(GUEST, "bad")];
    let found = compared(&judged, &tried);
    assert_eq!((counts(&found), found.samples.len()), ((3, 0, 0, 0), 0));
}

#[test]
fn what_differs_is_named_without_a_value() {
    let judged = [
        Emitted(&[r#"{"id":"secret","amount":1}"#]),
        Emitted(&[r#"{"id":"secret","amount":1}"#]),
        Nothing,
        Rejected(GUEST, "bad"),
        Emitted(&[r#"{"id":"secret","amount":1}"#]),
    ];
    let tried = [
        Emitted(&[r#"{"id":"secret","amount":2}"#]),
        Emitted(&[r#"{"id":"secret","amount":1}"#, r#"{"id":"secret","amount":1}"#]),
        Rejected(GUEST, "worse"),
        Rejected(GUEST, "worse"),
        Rejected(SANDBOX, "trap"),
    ];
    let found = compared(&judged, &tried);
    assert_eq!(counts(&found), (0, 4, 1, 0));
    let samples: Vec<_> = found.samples.iter().map(|sample| (sample.position.as_str(), sample.what.as_str())).collect();
    assert_eq!(
        samples,
        [
            ("orders/3@100", "orders.amount"),
            ("orders/3@101", "orders: 1 rows → 2"),
            ("orders/3@102", "filtered → rejected (worse)"),
            ("orders/3@103", "rejected (bad) → rejected (worse)"),
            ("orders/3@104", "emitted → rejected (trap)"),
        ]
    );
}

#[test]
fn a_row_that_does_not_fit_makes_a_rejected_record() {
    let judged = [Emitted(&[r#"{"id":"a","amount":1}"#])];
    let tried = [Emitted(&[r#"{"id":"a","amount":"many"}"#])];
    let found = compared(&judged, &tried);
    assert_eq!((counts(&found), found.samples[0].what.as_str()), ((0, 1, 0, 0), "emitted → rejected (schema_misfit)"));
}

#[test]
fn what_the_candidate_had_no_time_for_is_counted_apart() {
    let found = compared(&[Nothing, Nothing, Nothing], &[Nothing]);
    assert_eq!(counts(&found), (1, 0, 0, 2));
}

#[test]
fn few_samples_are_kept() {
    let judged: Vec<Said> = (0..50).map(|_| Nothing).collect();
    let tried: Vec<Said> = (0..50).map(|_| Rejected(GUEST, "bad")).collect();
    let mut all = Comparison::default();
    for _ in 0..3 {
        all.add(compared(&judged, &tried));
    }
    assert_eq!((counts(&all), all.samples.len()), ((0, 150, 0, 0), SAMPLES_MAX));
}

proptest::proptest! {
    /// However long the batches are, the copies never stray from the share by more than the longest of them.
    #[test]
    fn copies_make_up_the_share(share in 0.001f64..=1.0, batches in proptest::collection::vec(1usize..1_000, 1..200)) {
        let mut sharing = Share { share, owed: 0.0 };
        let (mut all, mut copied) = (0, 0);
        for records in batches {
            all += records;
            copied += if sharing.wants(records) { records } else { 0 };
            proptest::prop_assert!((share * all as f64 - copied as f64).abs() <= 1_000.0);
        }
    }
}
