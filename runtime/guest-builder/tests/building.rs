//! From a crate to a component, and what is said where there is none.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

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
fn a_workspace_is_not_a_crate() {
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

/// A crate that exports nothing but itself: neither the SDK nor a network is needed to see what reaches the compiler.
fn bare_crate(folder: &Path, source: &str) {
    std::fs::create_dir_all(folder.join("src")).unwrap();
    let manifest = "[package]\nname = \"bare\"\nedition = \"2024\"\n[lib]\ncrate-type = [\"cdylib\"]\n[workspace]\n";
    std::fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    std::fs::write(folder.join("src/lib.rs"), source).unwrap();
}

/// Builds in a process of its own, with this environment: cargo's settings are variables of a process.
fn build_apart(folder: &Path, environment: &[(&str, &str)]) -> String {
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    // This test program again, with one test; `--nocapture` lets its line through.
    child.args(["--exact", "in_a_process_of_its_own", "--nocapture"]).env("CRATE_TO_BUILD", folder);
    let output = child.envs(environment.iter().copied()).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let line = said.lines().find_map(|line| line.split_once("RESULT ")).map(|(_, result)| result.to_owned());
    line.unwrap_or_else(|| panic!("{said}{}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn in_a_process_of_its_own() {
    // As an ordinary test it has nothing to do.
    let Some(folder) = std::env::var_os("CRATE_TO_BUILD") else { return };
    let folder = PathBuf::from(folder);
    let target_dir = Some(folder.join("target"));
    match build(&folder, &Options { target_dir, quiet: true, output: None }) {
        Ok(built) => println!("RESULT {}", built.digest),
        Err(error) => println!("RESULT {}", error.to_string().replace('\n', " ")),
    }
}

/// Builds a bare crate with the user's variables, with a `.cargo/config.toml` in the folder above it, and with a manifest
/// there, whose member it is then; returns the digest of the core module. A function that may overflow shows the profile.
fn module_of(environment: &[(&str, &str)], config: &str, workspace: &str) -> String {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("bare");
    bare_crate(&folder, "#[unsafe(no_mangle)]\npub extern \"C\" fn twice(number: i32) -> i32 { number * 2 }\n");
    std::fs::create_dir(parent.path().join(".cargo")).unwrap();
    std::fs::write(parent.path().join(".cargo/config.toml"), config).unwrap();
    if !workspace.is_empty() {
        let manifest = folder.join("Cargo.toml");
        let member = std::fs::read_to_string(&manifest).unwrap().replace("[workspace]", "");
        std::fs::write(manifest, member).unwrap();
        std::fs::write(parent.path().join("Cargo.toml"), format!("{workspace}[workspace]\nmembers = [\"bare\"]\n"))
            .unwrap();
    }
    let said = build_apart(&folder, environment);
    // The crate lacks the SDK on purpose: the module is what counts, not the component.
    assert!(said.contains("is not a transform"), "it compiles and embeds no world: {said}");
    let built = folder.join("target/wasm32-unknown-unknown/transform/bare.wasm");
    hex::encode(Sha256::digest(std::fs::read(built).unwrap()))
}

#[test]
fn the_users_flags_linkers_and_profiles_change_nothing() {
    let plain = module_of(&[], "", "");
    let mold = "-C link-arg=-fuse-ld=mold -C target-cpu=native";
    let elsewhere = tempfile::tempdir().unwrap();
    let elsewhere = elsewhere.path().to_str().unwrap();
    for environment in [
        [("RUSTFLAGS", mold)].as_slice(),
        &[("CARGO_ENCODED_RUSTFLAGS", "-C\u{1f}target-cpu=native")],
        &[("CARGO_BUILD_RUSTFLAGS", mold)],
        &[("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "/bin/false")],
        &[("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", mold)],
        &[("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0"), ("CARGO_PROFILE_TRANSFORM_LTO", "off")],
        &[("CARGO_HOME", elsewhere)],
    ] {
        assert_eq!(module_of(environment, "", ""), plain, "{environment:?}");
    }
    let profile = "[profile.release]\nopt-level = 0\noverflow-checks = true\ndebug-assertions = true\ndebug = true\n";
    for config in [
        "[build]\nrustflags = [\"-C\", \"link-arg=-fuse-ld=mold\"]\n",
        "[target.wasm32-unknown-unknown]\nlinker = \"/bin/false\"\nrustflags = [\"-C\", \"link-arg=--nonsense\"]\n",
        "[target.'cfg(all())']\nlinker = \"/bin/false\"\nrustflags = [\"-C\", \"target-cpu=native\"]\n",
        profile,
    ] {
        assert_eq!(module_of(&[], config, ""), plain, "{config}");
    }
}

/// A member's paths start at its workspace, so that it is compared with a member.
#[test]
fn the_profiles_of_a_workspace_around_the_crate_change_nothing() {
    let profile =
        "[profile.release]\nopt-level = 0\noverflow-checks = true\n[profile.release.package.\"*\"]\nopt-level = 1\n";
    assert_eq!(module_of(&[], "", profile), module_of(&[], "", "\n"));
}

#[test]
fn a_native_function_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let source = "unsafe extern \"C\" { fn crc32(number: i32) -> i32; }\n\
                  #[unsafe(no_mangle)]\npub extern \"C\" fn twice(number: i32) -> i32 { unsafe { crc32(number) } }\n";
    bare_crate(folder.path(), source);
    let said = build_apart(folder.path(), &[]);
    assert!(said.contains("`env::crc32`") && said.contains("Rust alone"), "{said}");
}

/// Stand-ins for the two crates, so that no network is needed: the name and the import are all that betrays them. The compiler
/// refuses a `wasm-bindgen` before 0.2.88.
#[test]
fn a_dependency_that_wants_a_clock_from_a_browser_is_named_with_its_remedy() {
    let folder = tempfile::tempdir().unwrap();
    bare_crate(folder.path(), "#[unsafe(no_mangle)]\npub extern \"C\" fn now() -> f64 { chrono::now() }\n");
    depend(folder.path(), "chrono = { path = \"chrono\" }");
    let import = "#[link(wasm_import_module = \"__wbindgen_placeholder__\")]\nunsafe extern \"C\" { fn __wbg_getTime() -> f64; }\n\
                  pub fn get_time() -> f64 { unsafe { __wbg_getTime() } }\n";
    for (name, source) in [("chrono", "pub fn now() -> f64 { wasm_bindgen::get_time() }\n"), ("wasm-bindgen", import)] {
        let library = folder.path().join(name);
        std::fs::create_dir_all(library.join("src")).unwrap();
        std::fs::write(
            library.join("Cargo.toml"),
            format!("[package]\nname = \"{name}\"\nversion = \"0.2.100\"\nedition = \"2024\"\n"),
        )
        .unwrap();
        std::fs::write(library.join("src/lib.rs"), source).unwrap();
    }
    depend(&folder.path().join("chrono"), "wasm-bindgen = { path = \"../wasm-bindgen\" }");
    let said = build_apart(folder.path(), &[]);
    assert!(said.contains("the dependency `chrono` wants a browser or a clock"), "{said}");
    assert!(said.contains("remedy: chrono = { version = \"0.4\", default-features = false"), "{said}");
}

fn depend(folder: &Path, dependency: &str) {
    let manifest = folder.join("Cargo.toml");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(manifest, format!("{text}[dependencies]\n{dependency}\n")).unwrap();
}
