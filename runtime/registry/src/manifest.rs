//! What a registry says of a transform: all that can be known without running it, and the checksum of every object that
//! belongs to it.

use serde::{Deserialize, Serialize};
use sluicebox_sandbox::{Description, Digest, Metering, Target};

/// What is said of one transform. Fields that a newer version adds are left out of account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The name that it was pushed under; a manifest is good in no other place.
    pub artifact: String,
    /// The component's digest.
    pub digest: Digest,
    /// The component's size.
    pub size_bytes: u64,
    /// What the transform says of itself: its tables, columns, types.
    pub description: Description,
    /// What it imports, by full name.
    pub imports: Vec<String>,
    /// The limits that it was loaded with when it was pushed; a pipeline has its own.
    pub limits: serde_json::Value,
    /// The version that compiled the forms; no other runs them.
    pub code_version: String,
    /// Machine code of it: for each target, one form a way to meter it.
    pub forms: Vec<Form>,
}

/// Machine code of a transform, in an object of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Form {
    /// For which processors: the name of a [`Target`], or one that this version does not know.
    pub target: String,
    /// What the processor is taken to have, in Cranelift's names.
    pub cpu_features: Vec<String>,
    /// What interrupts it: the name of a [`Metering`].
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
