//! The pipeline that most runs use, over the sample `clean-orders`, and what its tables must hold.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use sluicebox_tests::feed::Feed;
use sluicebox_tests::native::{Expected, ensure_same, timeless};
pub(crate) use sluicebox_tests::orders::{PARTITIONS, feed, order, with};
use sluicebox_tests::pipeline::Pipeline;
use sluicebox_tests::tables::{self, Location};

/// The component of the sample, as `make guests` names it.
pub(crate) const GUEST: &str = "clean_orders";
/// A pipeline of that name from a source to the table `orders`.
pub(crate) fn pipeline(name: &str, source: Value) -> Result<Pipeline> {
    Pipeline::new(name, GUEST, &["orders"], source)
}

/// The tables hold what the records make natively, each once: no row lost, no row doubled, every dead letter whole.
pub(crate) fn ensure_exactly_once(pipeline: &Pipeline, feeds: &[&Feed]) -> Result<()> {
    ensure_tables::<clean_orders::clean>(pipeline, &json!({}), feeds)
}

/// The same for any transform.
pub(crate) fn ensure_tables<T: sluicebox::Transform>(
    pipeline: &Pipeline,
    configuration: &Value,
    feeds: &[&Feed],
) -> Result<()> {
    ensure_at::<T>(|table| pipeline.location(table), configuration, feeds)
}

/// The same for tables that lie anywhere, the dead letters among them under the name `dead_letters`.
pub(crate) fn ensure_at<T: sluicebox::Transform>(
    location: impl Fn(&str) -> Location,
    configuration: &Value,
    feeds: &[&Feed],
) -> Result<()> {
    let expected = Expected::of::<T>(configuration, feeds)?;
    for (table, rows) in &expected.tables {
        ensure_same(table, &tables::rows(location(table))?, rows)?;
    }
    let dead_letters: Vec<_> = tables::rows(location("dead_letters"))?.iter().map(timeless).collect();
    ensure_same("dead letters", &dead_letters, &expected.dead_letters)
}

/// The table holds each row of `least`, only rows of `most`, and none twice. For topics that shrink during the run.
pub(crate) fn ensure_between(pipeline: &Pipeline, least: &Feed, most: &Feed) -> Result<()> {
    let mut found = tables::rows(&pipeline.table("orders"))?;
    found.sort_by_cached_key(Value::to_string);
    let count = found.len();
    found.dedup();
    ensure!(found.len() == count, "{} rows are doubled", count - found.len());
    let rows = |feed: &Feed| -> Result<Vec<Value>> {
        Ok(Expected::of::<clean_orders::clean>(&json!({}), &[feed])?.tables.remove("orders").unwrap_or_default())
    };
    let (least, most) = (rows(least)?, rows(most)?);
    ensure!(!least.is_empty(), "nothing is left to compare with");
    let lost = least.iter().filter(|row| !found.contains(row)).count();
    let strange = found.iter().filter(|row| !most.contains(row)).count();
    ensure!((lost, strange) == (0, 0), "{lost} rows are lost, {strange} come from nowhere");
    Ok(())
}
