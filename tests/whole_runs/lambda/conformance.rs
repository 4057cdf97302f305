//! The function behind an emulator from another project, `cargo lambda watch`, whose deadlines lie in 1970.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use sluicebox_tests::lambda::event::event;
use sluicebox_tests::lambda::others::CargoLambda;

use crate::orders;

#[test]
fn an_event_goes_through_behind_cargo_lambda() -> Result<()> {
    needs!(cargo_lambda, readers);
    let feed = orders::feed("conformance", 400);
    let source = json!({"kafka": {"brokers": "127.0.0.1:1", "topics": ["conformance"]}});
    let pipeline = orders::pipeline("conformance", source)?;
    let emulator = CargoLambda::start(&pipeline)?;
    let answer = emulator.invoke(&event("conformance", &feed.records), Duration::from_secs(60))?;
    let answer: Value = serde_json::from_str(&answer).with_context(|| answer.clone())?;
    ensure!(answer == json!({"batchItemFailures": []}), "{answer}");
    orders::ensure_exactly_once(&pipeline, &[&feed])
}
