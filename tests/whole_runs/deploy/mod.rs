//! What `infra/` plans and renders, run: exactly that environment, those arguments and files, over real brokers and a real S3.
//! What AWS and Kubernetes add by themselves, this machine's addresses among it, is all that the tests put beside it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use sluicebox_tests::command::{Said, sluicebox_with};
use sluicebox_tests::feed::Feed;
use sluicebox_tests::place;
use sluicebox_tests::s3::S3;
use sluicebox_tests::tables::Location;

use crate::orders;

mod function;
mod pod;

fn command(store: &S3, folder: &Path, arguments: &[&str]) -> Result<Said> {
    let said = sluicebox_with(&store.environment(), folder, arguments)?;
    ensure!(said.code == Some(0), "{arguments:?}: {said:?}");
    Ok(said)
}

/// Pushes and promotes what the document's `artifact`, `<name>@prod`, is to find in its registry.
fn publish(store: &S3, folder: &Path, document: &Value) -> Result<()> {
    let (artifact, registry) = (&document["transform"]["artifact"], &document["transform"]["registry"]);
    let (artifact, registry) = artifact.as_str().zip(registry.as_str()).context("the document has no artifact")?;
    let (name, channel) = artifact.split_once('@').context("the artifact follows no channel")?;
    let (wasm, place) = (place::guest(orders::GUEST)?.display().to_string(), format!("{registry}/{name}"));
    let pushed: Value =
        serde_json::from_str(&command(store, folder, &["push", &wasm, "--to", &place, "--format", "json"])?.stdout)?;
    let digest = pushed["digest"].as_str().context("no digest")?;
    command(store, folder, &["promote", &format!("{place}@{digest}"), "--channel", channel]).map(drop)
}

/// The document's tables hold what the records make, each once, and the audit says so, too.
fn ensure_taken_in(store: &S3, folder: &Path, document: &Value, feed: &Feed) -> Result<()> {
    let location = |table: &str| {
        let place = if table == "dead_letters" { &document["dead_letters"] } else { &document["tables"][table] };
        Location { path: place["path"].as_str().unwrap_or_default().to_owned(), environment: store.environment() }
    };
    orders::ensure_at::<clean_orders::clean>(location, &json!({}), &[feed])?;
    fs::write(folder.join("pipeline.json"), document.to_string())?;
    let said = command(store, folder, &["audit", "pipeline.json"])?;
    ensure!(said.stdout.contains("every offset is accounted for"), "{said:?}");
    Ok(())
}
