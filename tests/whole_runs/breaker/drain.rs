//! The breaker stops a transform that rejects too much before it buries its source. Over a file, the run ends with exit code 1.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};
use sluicebox_tests::feed::Feed;
use sluicebox_tests::kafka::Message;
use sluicebox_tests::pipeline::Pipeline;
use sluicebox_tests::tables;

use crate::orders;

const REFUSED: i32 = 1;

/// Good orders up to a point, and no orders at all after it.
fn feed(good: usize, bad: usize) -> Feed {
    let mut feed = Feed::new("orders");
    feed.extend((0..good).map(|number| Message { partition: 0, ..orders::order(7 * number % 11) }));
    feed.extend((0..bad).map(|number| Message { timestamp: Some(1), ..Message::new(0, format!("poison {number}")) }));
    feed
}

fn pipeline(name: &str, feed: &Feed) -> Result<Pipeline> {
    let pipeline = orders::pipeline(name, json!({"file": {"path": "orders.jsonl", "format": "jsonl"}}))?;
    feed.write_jsonl(&pipeline.folder().join("orders.jsonl"))?;
    Ok(pipeline)
}

fn drain_is_refused(pipeline: &Pipeline) -> Result<String> {
    let mut run = pipeline.start(&["--drain"])?;
    let status = run.wait(Duration::from_secs(60))?;
    let said = run.said();
    assert_eq!(status.code(), Some(REFUSED), "{said}");
    Ok(said)
}

#[test]
fn a_drain_ends_with_the_breaker_s_word_and_buries_nothing_of_it() -> Result<()> {
    needs!(readers);
    let feed = feed(3_000, 6_000);
    let mut pipeline = pipeline("breaker", &feed)?;
    // A flush falls into each half: flushed records stay, staged ones are dropped.
    pipeline.settings["flush"] = json!({"rows_max": 2_000});
    let said = drain_is_refused(&pipeline)?;
    for word in ["error: E0301", "5001 of the last", "invalid_json 5001", "orders/0@3000", "--ignore-breaker"] {
        assert!(said.contains(word), "`{word}` is missing: {said}");
    }
    assert!(!said.contains("poison"), "a payload is in the log: {said}");
    let buried = tables::rows(&pipeline.table("dead_letters"))?.len();
    assert!(buried <= 5_000, "{buried} bad records were buried");
    pipeline.settings["breaker"] = json!("off");
    pipeline.drain()?;
    orders::ensure_exactly_once(&pipeline, &[&feed])
}

#[test]
fn it_looks_at_the_last_records_only_and_the_command_line_may_ignore_it() -> Result<()> {
    needs!(readers);
    let feed = feed(900, 60);
    let mut pipeline = pipeline("small-breaker", &feed)?;
    pipeline.settings["breaker"] = json!({"window_records": 100, "rejected_share_max": 0.5});
    drain_is_refused(&pipeline)?;
    assert_eq!(tables::rows(&pipeline.table("dead_letters"))?, Vec::<Value>::new(), "nothing was flushed yet");
    pipeline.settings["breaker"] = json!({"window_records": 100, "rejected_share_max": 0.6});
    pipeline.drain()?;
    orders::ensure_exactly_once(&pipeline, &[&feed])
}
