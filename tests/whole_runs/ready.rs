//! Waits for what a running process says of itself over HTTP.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use sluicebox_tests::http::get;
use sluicebox_tests::pipeline::{Run, await_until};

const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for an answer of /ready, and returns its line.
pub(crate) fn await_ready(run: &mut Run, address: SocketAddr, code: u16) -> Result<String> {
    let mut last = String::new();
    let waited = await_until(&format!("/ready says {code}"), PATIENCE, || {
        ensure!(run.lives()?, "the process ended");
        let Ok((found, line)) = get(address, "/ready") else { return Ok(false) };
        last = line;
        Ok(found == code)
    });
    waited.with_context(|| format!("it said {last:?} and\n{}", run.said()))?;
    Ok(last)
}
