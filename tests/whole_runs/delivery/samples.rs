//! Each sample's own cases, over Kafka into tables, row by row against the same function run natively.

use std::fs;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use sluicebox_tests::feed::{Feed, read_jsonl};
use sluicebox_tests::kafka::{Cluster, Message};
use sluicebox_tests::pipeline::Pipeline;
use sluicebox_tests::place;

use crate::kafka::source;
use crate::orders;

#[test]
fn clean_orders() -> Result<()> {
    needs!(kafka, readers);
    ensure_cases::<clean_orders::clean>("clean-orders")
}

#[test]
fn flatten_clicks() -> Result<()> {
    needs!(kafka, readers);
    ensure_cases::<flatten_clicks::flatten>("flatten-clicks")
}

#[test]
fn mask_pii() -> Result<()> {
    needs!(kafka, readers);
    ensure_cases::<mask_pii::mask>("mask-pii")
}

#[test]
fn split_invoices() -> Result<()> {
    needs!(kafka, readers);
    ensure_cases::<split_invoices::split>("split-invoices")
}

/// Every case of a sample goes through a topic of its own.
fn ensure_cases<T: sluicebox::Transform>(sample: &str) -> Result<()> {
    let cases = place::repository().join("sample-transforms").join(sample).join("cases");
    let mut count = 0;
    for case in fs::read_dir(&cases).with_context(|| format!("can't read {}", cases.display()))? {
        let case = case?.path();
        let name = format!("{sample}-{}", case.file_name().unwrap_or_default().to_string_lossy());
        let configuration = match fs::read_to_string(case.join("configuration.json")) {
            Ok(text) => serde_json::from_str(&text)?,
            Err(_) => json!({}),
        };
        ensure_case::<T>(sample, &name, &configuration, read_jsonl(&case.join("input.jsonl"))?)
            .with_context(|| format!("case {name}"))?;
        count += 1;
    }
    ensure!(count > 0, "{sample} has no cases");
    Ok(())
}

/// Repeats the case's records a hundred times over four partitions, so that batches hold more than one record.
fn ensure_case<T: sluicebox::Transform>(
    sample: &str,
    name: &str,
    configuration: &Value,
    records: Vec<Message>,
) -> Result<()> {
    let cluster = Cluster::shared()?;
    let mut feed = Feed::new(name);
    let many = records.iter().cycle().take(100 * records.len()).zip(0..);
    feed.extend(many.map(|(message, number)| Message { partition: number % 4, ..message.clone() }));
    feed.produce(cluster)?;

    let tables: Vec<_> = T::describe().tables.into_iter().map(|table| table.name).collect();
    let tables: Vec<&str> = tables.iter().map(String::as_str).collect();
    let mut pipeline = Pipeline::new(name, &sample.replace('-', "_"), &tables, source(cluster, &[name]))?;
    pipeline.settings["transform"]["configuration"] = configuration.clone();
    pipeline.drain()?;
    orders::ensure_tables::<T>(&pipeline, configuration, &[&feed])
}
