//! The misbehaving guest, built once a process, and batches for it.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use sluicebox_guest_builder::Options;
use sluicebox_sandbox::{Batch, Limits, NO_HEADERS, Sandbox, Transform, Worker};

/// The component, built if it is not up to date.
pub fn component() -> &'static Path {
    static COMPONENT: OnceLock<PathBuf> = OnceLock::new();
    COMPONENT.get_or_init(|| build("tests/guests/misbehaving"))
}

/// The component of a crate of this repository.
pub fn build(folder: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target_dir = Some(root.join("target/guests"));
    let options = Options { target_dir, quiet: true, ..Options::default() };
    let built = sluicebox_guest_builder::build(&root.join(folder), &options);
    built.unwrap_or_else(|error| panic!("{error}")).path
}

pub fn sandbox() -> &'static Sandbox {
    static SANDBOX: OnceLock<Sandbox> = OnceLock::new();
    SANDBOX.get_or_init(|| Sandbox::new().unwrap())
}

pub fn transform(limits: &Limits) -> Transform {
    sandbox().load(component(), limits, None).unwrap_or_else(|error| panic!("{error}"))
}

/// A worker with the default limits; the transform is loaded once.
pub fn worker() -> Worker {
    static TRANSFORM: OnceLock<Transform> = OnceLock::new();
    TRANSFORM.get_or_init(|| transform(&Limits::default())).worker("{}").unwrap()
}

/// A batch with these values, at offsets 100, 101, …
pub fn batch<V: AsRef<[u8]>>(values: impl IntoIterator<Item = V>) -> Batch {
    let mut batch = Batch::new("orders", 0);
    for (index, value) in values.into_iter().enumerate() {
        // Not from 0: an index that is taken for an offset would show.
        batch.push(100 + index as i64, 0, None, Some(value.as_ref()), NO_HEADERS);
    }
    batch
}
