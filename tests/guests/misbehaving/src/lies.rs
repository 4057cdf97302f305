//! What is wrong with a returned outcome. Each lie spoils an honest one in one place.

use crate::guest::{ByteStrings, Column, Outcome, Rows, Strings, Values, push, strings};

pub(crate) fn spoil(outcome: &mut Outcome, record: usize, lie: &str) {
    match lie {
        "verdict-missing" => drop(outcome.verdicts.pop()),
        "verdict-unknown" => outcome.verdicts[record] = 3,
        "emitted-without-row" => empty(outcome),
        "filtered-with-row" => outcome.verdicts[record] = 0,
        "rejected-without-rejection" => {
            outcome.verdicts[record] = 2;
            empty(outcome);
        }
        "rejection-of-a-stranger" => reject(outcome, 1 << 30, b"code"),
        "rejection-bad-utf8" => {
            outcome.verdicts[record] = 2;
            empty(outcome);
            reject(outcome, record as u32, b"\xff");
        }
        "table-unknown" => outcome.rows[0].table = 7,
        "table-twice" => {
            let again = outcome.rows[0].clone();
            outcome.rows.push(again);
        }
        "record-out-of-range" => {
            let beyond = outcome.verdicts.len() as u32;
            outcome.rows[0].records.last_mut().into_iter().for_each(|last| *last = beyond);
        }
        "rows-as-json" => {
            let rows = outcome.rows[0].records.len();
            outcome.rows[0].rows = Rows::Json(ByteStrings { data: vec![], ends: vec![0; rows], nulls: vec![] });
        }
        "operations-missing" => outcome.rows[0].operations = vec![0; outcome.rows[0].records.len() + 1],
        "operation-unknown" => operate(outcome, 3),
        "operation-upsert" => operate(outcome, 1),
        "operation-delete" => operate(outcome, 2),
        _ => spoil_columns(outcome, lie),
    }
}

fn spoil_columns(outcome: &mut Outcome, lie: &str) {
    let Some(table) = outcome.rows.first_mut() else { return };
    let rows = table.records.len();
    let Rows::Columns(columns) = &mut table.rows else { return };
    match lie {
        "huge-output-beyond-batch" => {
            let data = vec![b'x'; 80 << 20];
            columns[1].values = Values::Binary(Strings { ends: vec![80 << 20; rows], data });
        }
        "column-missing" => drop(columns.pop()),
        "column-extra" => columns.push(Column { values: Values::Int32(vec![0; rows]), nulls: vec![] }),
        "column-of-wrong-type" => columns[0].values = Values::Timestamp(vec![0; rows]),
        "column-too-short" => columns[0].values = Values::Int64(vec![0; rows - 1]),
        "ends-descending" => columns[2].values = text(b"ab", [2].into_iter().chain((0..rows).map(|_| 1))),
        "ends-beyond-data" => columns[2].values = text(b"ab", vec![1000; rows]),
        "text-bad-utf8" => columns[2].values = text(b"\xff", vec![1; rows]),
        "text-split-character" => columns[2].values = text("éé".as_bytes(), vec![1; rows]),
        "null-in-required" => columns[0].nulls = vec![0],
        "null-out-of-range" => columns[3].nulls = vec![rows as u32],
        "nulls-unordered" => columns[3].nulls = vec![0, 0],
        "boolean-of-two" => columns[3].values = Values::Boolean(vec![2; rows]),
        "map-with-a-key-twice" => {
            columns[6].values = Values::MapOf((1..=rows as u32).map(|row| 2 * row).collect());
            columns[7].values = text(b"kk".repeat(rows).as_slice(), 1..=2 * rows as u32);
            columns[8].values = Values::TimestampNtz(vec![0; 2 * rows]);
        }
        "map-key-null" => columns[7].nulls = vec![0],
        "map-value-of-wrong-type" => columns[8].values = Values::Timestamp(vec![0; rows]),
        "decimal-too-long" => columns[4].values = Values::Decimal([0xff, 0xff, 0xff, 0].repeat(4 * rows)),
        _ => {}
    }
}

fn text(data: &[u8], ends: impl IntoIterator<Item = u32>) -> Values {
    Values::Utf8(Strings { data: data.to_vec(), ends: ends.into_iter().collect() })
}

/// Every row but the last appends.
fn operate(outcome: &mut Outcome, operation: u8) {
    let table = &mut outcome.rows[0];
    table.operations = vec![0; table.records.len()];
    table.operations.last_mut().into_iter().for_each(|last| *last = operation);
}

/// Takes back all rows.
fn empty(outcome: &mut Outcome) {
    outcome.rows.clear();
}

fn reject(outcome: &mut Outcome, record: u32, code: &[u8]) {
    let rejections = &mut outcome.rejections;
    rejections.records.push(record);
    push(&mut rejections.codes, code);
    for texts in [&mut rejections.messages, &mut rejections.paths] {
        if texts.ends.is_empty() {
            *texts = strings();
        }
        push(texts, b"");
    }
}
