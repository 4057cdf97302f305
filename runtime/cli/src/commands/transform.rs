//! Loading a transform, for the commands that run one: a component, or a crate that is built first.

use std::path::Path;

use sluicebox_sandbox::{Limits, Sandbox, Transform};

use super::build;
use crate::exit::{Blame as _, Failure};

/// Loads a component; a folder is built first.
pub(super) fn load(path: &Path, limits: &Limits) -> Result<Transform, Failure> {
    let wasm = if path.is_dir() { build::build(path)?.path } else { path.to_owned() };
    let sandbox = Sandbox::new().environment("the sandbox cannot be set up")?;
    // The error names the file and what to do; there is nothing to add.
    sandbox.load(&wasm, limits, None).map_err(|error| Failure::Usage(error.into()))
}

/// Checks that a configuration is a JSON object.
pub(super) fn configuration(text: &str) -> Result<String, Failure> {
    let object: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(text).usage("the configuration must be a JSON object")?;
    serde_json::to_string(&object).usage("the configuration")
}
