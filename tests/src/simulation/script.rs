//! The records of a world, and what must become of each: known when they are made, without running anything.

use std::collections::BTreeMap;
use std::sync::Arc;

use fastrand::Rng;
use scripted::deed;
use sluicebox_ledger::TopicPartition;

use super::plan::Plan;

/// The tables of the transform `scripted`, in its order.
pub const TABLES: [&str; 2] = ["lines", "totals"];
/// 2026-01-01T00:00:00Z, in milliseconds.
const EPOCH: i64 = 1_767_225_600_000;

/// All records of a world, by partition, in offset order.
pub type Script = BTreeMap<TopicPartition, Vec<Record>>;

/// One record.
#[derive(Debug)]
pub struct Record {
    /// Its offset; there are gaps between offsets.
    pub offset: i64,
    /// Milliseconds; -1 for none.
    pub timestamp: i64,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value, a script of `scripted`.
    pub value: Option<Vec<u8>>,
    /// Its headers.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    /// What must become of it.
    pub expected: Expected,
}

/// What must become of a record.
#[derive(Debug, PartialEq, Eq)]
pub enum Expected {
    /// So many rows of each table, with this token.
    Rows([usize; 2], String),
    /// Nothing.
    Filtered,
    /// A dead letter.
    Rejected {
        /// Its stage.
        stage: &'static str,
        /// Its code.
        code: &'static str,
    },
}

/// What a partition's records are like.
#[derive(Clone, Copy)]
enum Temper {
    Mixed,
    Poisonous,
    Void,
}

/// Writes the records of a world.
pub fn write(plan: &Plan, rng: &mut Rng) -> Arc<Script> {
    let mut script = Script::new();
    for topic in ["orders", "returns"].iter().take(plan.topics) {
        for partition in 0..plan.partitions {
            script.insert(TopicPartition::new(*topic, partition), Vec::new());
        }
    }
    let share = plan.records / script.len();
    for (partition, records) in &mut script {
        let temper = match rng.u8(..10) {
            0 => Temper::Poisonous,
            1 => Temper::Void,
            _ => Temper::Mixed,
        };
        // What is below has been deleted by retention long ago.
        let mut offset = if rng.bool() { 0 } else { rng.i64(1..1_000) };
        for _ in 0..rng.usize(share / 2..=share + share / 2) {
            // Compaction and transaction markers leave gaps.
            offset += if rng.u8(..5) == 0 { rng.i64(1..5) } else { 0 };
            records.push(record(partition, offset, temper, rng));
            offset += 1;
        }
    }
    Arc::new(script)
}

fn record(partition: &TopicPartition, offset: i64, temper: Temper, rng: &mut Rng) -> Record {
    let token = format!("{partition}@{offset}");
    let (value, expected) = match temper {
        Temper::Mixed if rng.u8(..10) < 7 => rows(token, rng),
        Temper::Mixed if rng.u8(..10) < 3 => void(rng),
        Temper::Mixed | Temper::Poisonous => poison(&token, rng),
        Temper::Void => void(rng),
    };
    let headers = match rng.u8(..6) {
        0 => vec![("source".to_owned(), Some(b"shop".to_vec())), ("empty".to_owned(), None)],
        _ => Vec::new(),
    };
    Record {
        offset,
        timestamp: if rng.u8(..8) == 0 { -1 } else { EPOCH + offset },
        key: rng.bool().then(|| offset.to_be_bytes().to_vec()),
        value,
        headers,
        expected,
    }
}

fn rows(token: String, rng: &mut Rng) -> (Option<Vec<u8>>, Expected) {
    let counts = [[1, 0], [1, 1], [2, 1], [0, 1], [3, 0]][rng.usize(..5)];
    let value = format!("{} {} {} {token}", deed::EMIT, counts[0], counts[1]);
    (Some(value.into_bytes()), Expected::Rows(counts, token))
}

fn void(rng: &mut Rng) -> (Option<Vec<u8>>, Expected) {
    // A tombstone, or a record that the transform drops on purpose.
    let value = rng.bool().then(|| format!("{} 0 0 nothing", deed::EMIT).into_bytes());
    (value, Expected::Filtered)
}

fn poison(token: &str, rng: &mut Rng) -> (Option<Vec<u8>>, Expected) {
    let rejected = |stage, code| Expected::Rejected { stage, code };
    let (value, expected) = match rng.u8(..10) {
        0..3 => (format!("{} {token}", deed::REJECT).into_bytes(), rejected("transform", "unwanted")),
        3 => (vec![0xff, 0xfe, 0, b'x'], rejected("transform", "not_text")),
        4 => (b"{\"an\": \"order\"}".to_vec(), rejected("transform", "not_a_script")),
        5..8 => {
            let (lines, totals) = (rng.u8(1..=2), rng.u8(0..=1));
            (format!("{} {lines} {totals} {token}", deed::MISFIT).into_bytes(), rejected("schema", "schema_misfit"))
        }
        8 => (format!("{} {token}", deed::CONFESS).into_bytes(), rejected("sandbox", "panic")),
        _ => (format!("{} {token}", deed::TRAP).into_bytes(), rejected("sandbox", "trap_unreachable")),
    };
    (Some(value), expected)
}
