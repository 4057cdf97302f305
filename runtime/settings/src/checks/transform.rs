//! Where the transform comes from: a file or a registry, and the settings that belong to either.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sluicebox_sandbox::Limits;

use super::Checker;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::shape;
use crate::{ArtifactReference, ArtifactSettings, Pick, TransformOrigin, TransformSettings};

impl Checker<'_> {
    pub(super) fn transform(&mut self, transform: shape::Transform) -> TransformSettings {
        let limits = Limits::from(transform.limits);
        self.limits(&limits);
        let artifact =
            Artifact { registry: transform.registry, keys: transform.keys, poll_interval: transform.poll_interval };
        let origin = match (transform.wasm, transform.artifact) {
            (Some(wasm), None) => {
                self.none_of_artifact(&artifact);
                TransformOrigin::File(self.wasm(&wasm))
            }
            (None, Some(reference)) => self.artifact(&reference, artifact),
            (Some(_), Some(_)) => {
                let fault =
                    Diagnostic::new("E0117", "`wasm` and `artifact` exclude each other").label("keep one of them");
                self.key_fault(&["transform", "artifact"], fault);
                TransformOrigin::File(PathBuf::new())
            }
            (None, None) => {
                let fault = Diagnostic::new("E0104", "`transform` names neither a file nor an artifact")
                    .label("add `wasm: path` or `artifact: name@channel` below this");
                self.key_fault(&["transform"], fault);
                TransformOrigin::File(PathBuf::new())
            }
        };
        TransformSettings { origin, configuration: transform.configuration.into(), limits }
    }

    /// Whether the sandbox can keep the limits together.
    fn limits(&mut self, limits: &Limits) {
        // The sandbox's own check, so that a limit which `check` accepts never fails at the start.
        if let Err(error) = limits.check() {
            let fault = Diagnostic::new("E0113", format!("`transform.limits.{}` {}", error.field, error.reason))
                .label("leave it out for the default");
            self.fault(&["transform", "limits", error.field], fault);
        }
    }

    fn wasm(&mut self, path: &str) -> PathBuf {
        let wasm = self.absolute(path);
        if !wasm.is_file() {
            let siblings = wasm.parent().map(wasm_files).unwrap_or_default();
            let name = wasm.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let meant = did_you_mean(&name, siblings.iter().map(String::as_str));
            let label = meant
                .map_or("paths are relative to this YAML file".to_owned(), |meant| format!("did you mean `{meant}`?"));
            let fault = Diagnostic::new("E0110", format!("no such file: {}", wasm.display()))
                .label(label)
                .help("`sluicebox build DIR` compiles a transform's crate to a .wasm file");
            self.fault(&["transform", "wasm"], fault);
        }
        wasm
    }

    /// Settings of an artifact have no effect on a file.
    fn none_of_artifact(&mut self, Artifact { registry, keys, poll_interval }: &Artifact) {
        let given =
            [("registry", registry.is_some()), ("keys", keys.is_some()), ("poll_interval", poll_interval.is_some())];
        for (key, _) in given.iter().filter(|(_, is_given)| *is_given) {
            let fault = Diagnostic::new("E0117", format!("`{key}` has no effect on a transform in a file"))
                .label("remove it, or name an `artifact` instead of `wasm`");
            self.key_fault(&["transform", key], fault);
        }
    }

    fn artifact(&mut self, reference: &str, artifact: Artifact) -> TransformOrigin {
        let registry = self.registry(artifact.registry);
        // Not the same as no `keys`: an empty list may be a template whose value was left out, and must not switch the
        // check off.
        if artifact.keys.as_ref().is_some_and(Vec::is_empty) {
            let fault = Diagnostic::new("E0106", "`transform.keys` is an empty list: it would refuse every signature")
                .label("add a public key, or remove `keys` to accept unsigned artifacts");
            self.key_fault(&["transform", "keys"], fault);
        }
        let reference = match reference.parse::<ArtifactReference>() {
            Ok(reference) => reference,
            Err(error) => {
                let fault = Diagnostic::new("E0107", error.to_string()).label("a name, `@`, and a channel or a digest");
                self.fault(&["transform", "artifact"], fault);
                return TransformOrigin::File(PathBuf::new());
            }
        };
        if matches!(reference.pick, Pick::Digest(_)) && artifact.poll_interval.is_some() {
            let fault = Diagnostic::new("E0117", "`poll_interval` has no effect: a digest never changes")
                .label("remove it, or name a channel");
            self.key_fault(&["transform", "poll_interval"], fault);
        }
        TransformOrigin::Artifact(ArtifactSettings {
            reference,
            registry,
            keys: artifact.keys.unwrap_or_default(),
            // The default comes in here, and not while reading: until now it has to be known whether the file says it.
            poll_interval: artifact.poll_interval.unwrap_or(shape::POLL_INTERVAL),
        })
    }

    fn registry(&mut self, registry: Option<String>) -> String {
        let Some(registry) = registry.filter(|registry| !registry.is_empty()) else {
            let fault = Diagnostic::new("E0104", "missing key `registry` in `transform`")
                .label("add `registry`, the folder or `s3://` prefix that the artifact was pushed to");
            self.key_fault(&["transform", "artifact"], fault);
            return String::new();
        };
        self.location(registry, &["transform", "registry"], "registry")
    }
}

/// Where an artifact is and who may sign it.
struct Artifact {
    registry: Option<String>,
    keys: Option<Vec<String>>,
    poll_interval: Option<Duration>,
}

fn wasm_files(folder: &Path) -> Vec<String> {
    // Only for a hint: the fault itself is reported either way.
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter(|name| name.ends_with(".wasm")).collect()
}
