//! A transform's manifest: what is known of it without running it, and the checksum of each of its objects.

use serde::{Deserialize, Serialize};
use sluicebox_sandbox::{Description, Digest, Metering, Target};

/// The manifest of one transform. Fields that a newer version adds are ignored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The name that it was pushed under; the manifest is valid under no other name.
    pub artifact: String,
    /// The component's digest.
    pub digest: Digest,
    /// The component's size.
    pub size_bytes: u64,
    /// The transform's own description: its tables, columns, types.
    pub description: Description,
    /// Its imports, by full name.
    pub imports: Vec<String>,
    /// The limits that it was loaded with for the push; a pipeline has its own.
    pub limits: serde_json::Value,
    /// The version that compiled the forms; no other version runs them.
    pub code_version: String,
    /// Its machine code: one form per target and way to meter.
    pub forms: Vec<Form>,
}

/// A transform's machine code for one target, in an object of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Form {
    /// The processors: the name of a [`Target`], or a name that this version does not know.
    pub target: String,
    /// The processor features that the code requires, by Cranelift's names.
    pub cpu_features: Vec<String>,
    /// How it is interrupted: the name of a [`Metering`].
    pub metering: String,
    /// SHA-256 of the code.
    pub sha256: Digest,
    /// Its size.
    pub size_bytes: u64,
}

impl Manifest {
    /// The form for a target and a way to meter it.
    pub fn form(&self, target: Target, metering: Metering) -> Option<&Form> {
        self.forms.iter().find(|form| form.target == target.name() && form.metering == metering.name())
    }

    /// The targets that it has been compiled for, by name.
    pub fn targets(&self) -> Vec<&str> {
        let mut targets: Vec<&str> = self.forms.iter().map(|form| form.target.as_str()).collect();
        targets.sort_unstable();
        targets.dedup();
        targets
    }
}
