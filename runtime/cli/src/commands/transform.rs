//! Loading a transform, for the commands that run one: a component, or a crate that is built first.

use std::path::Path;

use sluicebox_registry::RegistryError;
use sluicebox_sandbox::{CacheFolder, Limits, Sandbox, Transform};
use sluicebox_settings::Settings;

use super::build;
use crate::exit::{Blame as _, Failure};

/// Loads a component; a folder is built first.
pub(super) fn load(path: &Path, limits: &Limits) -> Result<Transform, Failure> {
    let wasm = if path.is_dir() { build::build(path)?.path } else { path.to_owned() };
    let sandbox = Sandbox::new().environment("cannot set up the sandbox")?;
    // The error names the file and what to do; there is nothing to add.
    sandbox.load(&wasm, limits, None).map_err(|error| Failure::Usage(error.into()))
}

/// Loads the transform that a pipeline names.
pub(super) async fn of_pipeline(
    settings: &Settings,
    sandbox: &Sandbox,
    cache: Option<&CacheFolder>,
) -> Result<Transform, Failure> {
    let opened = sluicebox_registry::open(&settings.transform, sandbox, cache).await;
    opened.map(|opened| opened.transform).map_err(blamed)
}

/// Checks that a configuration is a JSON object.
pub(super) fn configuration(text: &str) -> Result<String, Failure> {
    let object: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(text).usage("the configuration is not a JSON object, such as `{\"amount_max\": 1000}`")?;
    // Written again: the transform gets the object without the file's spaces.
    serde_json::to_string(&object).usage("the configuration")
}

/// Who can fix an error of a registry: the environment, or the user.
pub(super) fn blamed(error: RegistryError) -> Failure {
    match error.kind().is_temporary() {
        true => Failure::Environment(error.into()),
        false => Failure::Usage(error.into()),
    }
}
