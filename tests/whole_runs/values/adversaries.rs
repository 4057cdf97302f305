//! Records of every kind of value, key and header, for a transform whose records are its rows; and what becomes of each.

use serde_json::{Value, json};
use sluicebox_tests::feed::Feed;
use sluicebox_tests::kafka::Message;

use super::cell::Cell;
use super::edges;

/// In every payload, key and header: no message of the product may hold it.
pub(super) const CANARY: &str = "canary-4111-1111";
/// Of the topic.
pub(super) const PARTITIONS: i32 = 2;

/// What the records are, and what the tables must hold of them.
pub(super) struct Story {
    pub(super) feed: Feed,
    /// By table: id and columns of each row.
    pub(super) rows: Vec<(&'static str, Vec<Value>)>,
    /// How many records become dead letters.
    pub(super) dead_letters: usize,
}

impl Story {
    pub(super) fn of(topic: &str) -> Self {
        let tables = ["plain", "by_text", "by_at"];
        let mut story =
            Self { feed: Feed::new(topic), rows: tables.map(|table| (table, Vec::new())).to_vec(), dead_letters: 0 };
        for (column, _, cells) in edges::types() {
            for cell in cells {
                story.tell("plain", column, &cell, cell.fits());
                match column {
                    "text" => story.tell("by_text", column, &cell, cell.partitions()),
                    "at" => story.tell("by_at", column, &cell, cell.partitions()),
                    _ => {}
                }
            }
        }
        for text in [CANARY.to_owned(), format!("{CANARY}/../%2F=\u{202e}\0"), CANARY.repeat(4_000)] {
            story.tell("plain", "text", &Cell::Text(text.clone()), true);
            story.tell("by_text", "text", &Cell::Text(text), true);
        }
        for value in misfits() {
            story.push(value.into_bytes());
            story.dead_letters += 1;
        }
        story
    }

    fn tell(&mut self, table: &'static str, column: &str, cell: &Cell, fits: bool) {
        let id = self.feed.records.len();
        self.push(format!("{table} {}", json!({"id": id, column: cell.json()})).into_bytes());
        match self.rows.iter_mut().find(|(name, _)| *name == table).filter(|_| fits) {
            Some((_, rows)) => rows.push(json!({"id": id, "columns": {column: cell.tagged()}})),
            None => self.dead_letters += 1,
        }
    }

    /// Adds a record, with the next of the keys, headers and timestamps.
    fn push(&mut self, value: Vec<u8>) {
        let number = self.feed.records.len();
        let keys = [
            None,
            Some(Vec::new()),
            Some(CANARY.as_bytes().to_vec()),
            Some([b"\0\xff\xfe", CANARY.as_bytes()].concat()),
            Some(vec![0x80; 64 << 10]),
        ];
        let texts = ["", CANARY, "..", "/", "%00", "\u{202e}\u{2066}", "\u{1}\n\r\t"];
        let values =
            [None, Some(Vec::new()), Some(b"\0\xff".to_vec()), Some(CANARY.into()), Some(vec![b'h'; 64 << 10])];
        let header =
            |turn: usize| (texts[(number + turn) % texts.len()].to_owned(), values[(number * 3 + turn) % 5].clone());
        let timestamps = [1, 1_709_209_800_000, 253_402_300_800_000, 1_709_209_800_000_000_000, i64::MAX];
        self.feed.push(Message {
            partition: number as i32 % PARTITIONS,
            key: keys[number % keys.len()].clone(),
            value: Some(value),
            headers: (0..number % 4).map(header).collect(),
            timestamp: Some(timestamps[number % timestamps.len()]),
        });
    }
}

/// Values of records that give no row: each holds the canary where a message might quote it.
fn misfits() -> Vec<String> {
    let mut texts: Vec<String> = ["", CANARY, "plain", "plain ", "plain {", "other {}"].map(str::to_owned).to_vec();
    let quoted = json!(CANARY);
    let wrong = [
        format!("{quoted}"),
        format!("[{quoted}]"),
        format!("{{{quoted}:{quoted}}}"),
        CANARY.to_owned(),
        format!("\"{CANARY}\\ud800\""),
        "1.9".to_owned(),
        "1e400".to_owned(),
    ];
    let quoted_text = quoted.to_string();
    for (column, ..) in edges::types() {
        // What fits a type is not a misfit: text for text, numbers for floats.
        let is_wrong = |value: &&String| match column {
            "text" => **value != quoted_text,
            "float32" | "float64" => *value != "1.9",
            "d9_2" | "d18_4" => *value != "1.9",
            _ => true,
        };
        texts.extend(wrong.iter().filter(is_wrong).map(|value| format!("plain {{\"id\":1,\"{column}\":{value}}}")));
    }
    texts.extend([
        format!("plain {{\"id\":1,{quoted}:1}}"),
        format!("plain {{\"id\":{quoted}}}"),
        "plain {\"id\":1,\"id\":1}".to_owned(),
        "plain {\"id\":1}{\"id\":2}".to_owned(),
        format!("plain {{\"id\":1,\"day\":\"2024-01-01T00:00:00Z{CANARY}\"}}"),
        "by_text {\"id\":1,\"text\":\"\"}".to_owned(),
        format!("by_at {{\"id\":1,\"at\":\"2016-12-31T23:59:60Z\",\"text\":{quoted}}}"),
    ]);
    texts
}
