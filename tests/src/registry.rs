//! A registry beside a pipeline, and the person who pushes and promotes there, by the command.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::command::{Said, sluicebox};
use crate::pipeline::Pipeline;
use crate::{place, tables};

/// What the pipeline's file has to say to run what is promoted.
pub fn follows_prod() -> Value {
    json!({"artifact": "orders@prod", "registry": "registry", "poll_interval": "300ms"})
}

/// A command that has to end well.
///
/// # Errors
/// If it does not.
pub fn command(pipeline: &Pipeline, arguments: &[&str]) -> Result<Said> {
    let said = sluicebox(pipeline.folder(), arguments)?;
    ensure!(said.code == Some(0), "{arguments:?}: {said:?}");
    Ok(said)
}

/// Pushes a guest as `orders`, and returns its digest.
///
/// # Errors
/// If it is refused.
pub fn push(pipeline: &Pipeline, guest: &str) -> Result<String> {
    let wasm = place::guest(guest)?;
    let said = command(pipeline, &["push", &wasm.to_string_lossy(), "--to", "registry/orders", "--format", "json"])?;
    let pushed: Value = serde_json::from_str(&said.stdout)?;
    Ok(pushed["digest"].as_str().with_context(|| format!("no digest: {said:?}"))?.to_owned())
}

/// Lets `orders@prod` name a digest.
///
/// # Errors
/// If it is refused.
pub fn promote(pipeline: &Pipeline, digest: &str) -> Result<()> {
    command(pipeline, &["promote", &format!("orders@{digest}"), "--channel", "prod", "--registry", "registry"])
        .map(drop)
}

/// Which transform the newest commit names that took in records of a partition.
///
/// # Errors
/// If nothing was committed for it.
pub fn judge_of(pipeline: &Pipeline, table: &str, partition: i32) -> Result<String> {
    tables::commits(&pipeline.table(table))?
        .iter()
        .rev()
        .find_map(|commit| {
            let taken = commit["partitions"].as_array()?.iter().find(|taken| taken["partition"] == partition)?;
            Some(taken["transform_digest"].as_str().or(commit["transform_digest"].as_str())?.to_owned())
        })
        .context("nothing was committed")
}
