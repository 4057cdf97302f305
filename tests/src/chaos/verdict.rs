//! The comparison at the end: what the topic's records make natively against what independent readers find, row by row.

use std::collections::HashMap;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::Report;
use crate::feed::Feed;
use crate::kafka::Cluster;
use crate::native::{Expected, timeless};
use crate::orders::PARTITIONS;
use crate::pipeline::Pipeline;
use crate::{place, tables};

/// Compares the tables with what the topic of the pipeline's name holds, `sent` records at least, and asks the audit.
pub fn judge(cluster: &Cluster, pipeline: &Pipeline, sent: usize, report: &mut Report) -> Result<()> {
    let feed = Feed::read(cluster, pipeline.name(), PARTITIONS)?;
    report.records = feed.records.len();
    // More is possible: an idempotent producer whose brokers were killed with its state may write a record twice. What the
    // topic has is what counts.
    ensure!(report.records >= sent, "the topic has {} of {sent} records: the harness is at fault", report.records);
    let expected = Expected::of::<clean_orders::clean>(&json!({}), &[&feed])?;
    for (table, rows) in &expected.tables {
        compare(table, rows, &tables::rows(pipeline.location(table))?, report);
    }
    let dead_letters: Vec<Value> = tables::rows(pipeline.location("dead_letters"))?.iter().map(timeless).collect();
    compare("dead letters", &expected.dead_letters, &dead_letters, report);
    audit(pipeline, report)
}

/// Each expected row has to be found once.
fn compare(what: &str, expected: &[Value], found: &[Value], report: &mut Report) {
    let mut balance: HashMap<String, (usize, usize)> = HashMap::new();
    expected.iter().for_each(|row| balance.entry(sorted(row)).or_default().0 += 1);
    found.iter().for_each(|row| balance.entry(sorted(row)).or_default().1 += 1);
    for (row, (wanted, found)) in balance {
        let word = match (wanted, found) {
            (wanted, found) if wanted == found => continue,
            (0, found) => (&mut report.foreign, found, "from nowhere"),
            (wanted, found) if found < wanted => (&mut report.lost, wanted - found, "lost"),
            (wanted, found) => (&mut report.duplicated, found - wanted, "duplicated"),
        };
        let (counter, count, word) = word;
        if *counter < 5 {
            eprintln!("{what}: {word}: {row}");
        }
        *counter += count;
    }
}

fn sorted(row: &Value) -> String {
    let mut row = row.clone();
    row.sort_all_objects();
    row.to_string()
}

/// `sluicebox audit` has to come to the same conclusion.
fn audit(pipeline: &Pipeline, report: &mut Report) -> Result<()> {
    let mut command = Command::new(place::sluicebox()?);
    command.arg("audit").arg(pipeline.write()?).envs(pipeline.environment());
    let output = command.output().context("can't start sluicebox audit")?;
    let said = String::from_utf8_lossy(&output.stdout);
    let heard = said.lines().next().unwrap_or_default().trim().to_owned();
    if !output.status.success() {
        report.violate(format!("audit: {}\n{said}{}", output.status, String::from_utf8_lossy(&output.stderr)));
    }
    report.audit = Some(heard);
    Ok(())
}
