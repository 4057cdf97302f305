//! What `infra/` makes of inputs: an example's resources by Terraform, the chart's objects by Helm. Runs the scripts beside the
//! tests of each; must not know what is in their answers.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::place;

/// The resources that an example makes of its variables. `answers` are AWS's, by address, where they matter to the test.
///
/// # Errors
/// If Terraform refuses the variables.
pub fn terraform(example: &str, variables: &Value, answers: &Value) -> Result<Vec<Value>> {
    // The scripts share a stub of the provider, and the first to run makes it.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    rendered("terraform", &[example], &json!({"variables": variables, "answers": answers}))
}

/// The objects that the chart makes of values.
///
/// # Errors
/// If Helm refuses the values.
pub fn helm(values: &Value) -> Result<Vec<Value>> {
    rendered("helm", &[], values)
}

/// The one resource or object of a kind: Terraform calls it `type`, and Kubernetes `kind`.
///
/// # Errors
/// If there is not exactly one.
pub fn the<'a>(rendered: &'a [Value], kind: &str) -> Result<&'a Value> {
    let found: Vec<_> = rendered.iter().filter(|value| value["type"] == kind || value["kind"] == kind).collect();
    ensure!(found.len() == 1, "{} of kind {kind}", found.len());
    Ok(found[0])
}

/// `tests/<tool>/rendered.py`, in the Python that `tests/<tool>/fetch` has made.
fn rendered(tool: &str, arguments: &[&str], input: &Value) -> Result<Vec<Value>> {
    let target = place::target()?.join(tool);
    let mut script = Command::new(target.join("tests/bin/python"))
        .arg(place::repository().join("tests").join(tool).join("rendered.py"))
        .args(arguments)
        .env(format!("SLUICEBOX_{}_TARGET", tool.to_uppercase()), target)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("can't start the Python of {tool}"))?;
    script.stdin.take().context("no standard input")?.write_all(input.to_string().as_bytes())?;
    let output = script.wait_with_output()?;
    ensure!(output.status.success(), "{tool} said: {}", String::from_utf8_lossy(&output.stderr).trim_end());
    Ok(serde_json::from_slice(&output.stdout)?)
}
