//! Guests for the tests of the command, built into the checkout's own folder: only the first test waits for it.

use std::path::{Path, PathBuf};

/// The component of the crate in this folder of the repository.
pub(crate) fn guest(folder: &str) -> PathBuf {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    let target_dir = Some(repository.join("target/guests"));
    let options = sluicebox_guest_builder::Options { target_dir, quiet: true, ..Default::default() };
    sluicebox_guest_builder::build(&repository.join(folder), &options).unwrap().path
}
