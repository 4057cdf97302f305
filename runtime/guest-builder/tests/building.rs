//! From a crate to a component, and what is said where there is none.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use sluicebox_guest_builder::{BuildError, Options, build};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn options(output: PathBuf) -> Options {
    Options { output: Some(output), target_dir: Some(root().join("target/guests")), quiet: true }
}

#[test]
fn a_transform_becomes_a_component_with_names_and_without_debug_sections() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("deep/inside/out.wasm");
    let built = build(&root().join("tests/guests/misbehaving"), &options(output.clone())).unwrap();
    let component = std::fs::read(&output).unwrap();
    assert_eq!(built.path, output);
    assert_eq!(built.size_bytes, component.len() as u64);
    assert_eq!(built.digest, format!("sha256:{}", hex::encode(Sha256::digest(&component))));

    let sections: Vec<String> = wasmparser::Parser::new(0)
        .parse_all(&component)
        .filter_map(|payload| match payload.unwrap() {
            wasmparser::Payload::CustomSection(section) => Some(section.name().to_owned()),
            _ => None,
        })
        .collect();
    assert!(sections.iter().any(|name| name == "name"), "{sections:?}");
    assert!(!sections.iter().any(|name| name.starts_with(".debug")), "{sections:?}");
}

#[test]
fn a_folder_without_a_crate_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = build(folder.path(), &Options::default()).unwrap_err();
    assert!(matches!(&error, BuildError::NoCrate(path) if path == folder.path()), "{error}");
}

#[test]
fn a_workspace_is_no_crate() {
    let error = build(&root(), &Options::default()).unwrap_err().to_string();
    assert!(error.contains("name one of its members"), "{error}");
}

#[test]
fn a_crate_that_builds_no_module_is_told_what_it_lacks() {
    let error = build(Path::new(env!("CARGO_MANIFEST_DIR")), &Options::default()).unwrap_err();
    assert!(matches!(error, BuildError::NotCdylib(_)), "{error}");
    assert!(error.to_string().contains("crate-type"), "{error}");
}

#[test]
fn a_broken_manifest_is_quoted() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("Cargo.toml"), "[package").unwrap();
    let error = build(folder.path(), &Options::default()).unwrap_err();
    assert!(matches!(error, BuildError::Manifest { .. }), "{error}");
}
