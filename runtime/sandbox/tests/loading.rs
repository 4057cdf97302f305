//! A file that is not a transform is refused at load, by name, with what to do about it.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod guest;

use std::path::Path;

use guest::{component, sandbox, transform};
use sluicebox_sandbox::{CacheFolder, ConfigureError, DataType, Limits, LoadError};

/// Writes these bytes to a file and loads it.
fn load(bytes: &[u8]) -> LoadError {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("orders.wasm");
    std::fs::write(&file, bytes).unwrap();
    sandbox().load(&file, &Limits::default(), None).err().expect("no transform")
}

fn load_text(wat: &str) -> LoadError {
    load(&wat::parse_str(wat).unwrap())
}

#[test]
fn a_transform_tells_what_it_is() {
    let transform = transform(&Limits::default());
    assert!(transform.digest().to_string().starts_with("sha256:"));
    assert_eq!(transform.description().name, "misbehaving");
    assert_eq!(transform.description().tables[0].fields[4].data_type, DataType::Decimal { precision: 4, scale: 2 });
    assert!(transform.imports().iter().any(|import| import == "sluicebox:transform/log@2.0.0"));
    assert_eq!(transform.exports(), ["describe", "configure", "process"]);
    assert!(transform.size_bytes() > 1000);
}

#[test]
fn a_configuration_can_be_refused() {
    let transform = transform(&Limits::default());
    assert!(
        matches!(transform.worker(r#"{"mode": "refuse"}"#), Err(ConfigureError::Refused(why)) if why.contains("`refuse`"))
    );
    assert!(
        matches!(transform.worker(r#"{"mode": "panic"}"#), Err(ConfigureError::Trapped(why)) if why.contains("unreachable"))
    );
}

#[test]
fn a_transform_is_told_its_limits() {
    let limits = Limits { record_rows_max: 77, memory_bytes_max: 64 << 20, ..Limits::default() };
    let refused = transform(&limits).worker(r#"{"mode": "limits"}"#);
    let Err(ConfigureError::Refused(told)) = refused else { panic!("it refuses itself") };
    for part in ["memory-bytes: 67108864", "record-rows: 77", "call-output-bytes: 67108864", "log-line-bytes: 4096"] {
        assert!(told.contains(&part.replace('-', "_")) || told.contains(part), "{told}");
    }
}

#[test]
fn a_missing_file_is_named() {
    let error = sandbox().load(Path::new("nowhere.wasm"), &Limits::default(), None).err().unwrap();
    assert!(matches!(error, LoadError::File { .. }) && error.to_string().contains("nowhere.wasm"), "{error}");
}

#[test]
fn what_is_not_wasm_is_not_wasm() {
    for bytes in [&b""[..], b"hello", b"\0as"] {
        assert!(matches!(load(bytes), LoadError::NotWasm(_)));
    }
}

#[test]
fn a_core_module_is_no_component() {
    assert!(matches!(load_text("(module)"), LoadError::CoreModule(_)));
}

#[test]
fn a_damaged_component_is_corrupt() {
    let whole = std::fs::read(component()).unwrap();
    for length in [8 + 1, 100, whole.len() / 2, whole.len() - 1] {
        assert!(matches!(load(&whole[..length]), LoadError::Corrupt { .. }), "truncated to {length}");
    }
}

#[test]
fn a_forbidden_import_is_named() {
    for (import, advice) in [
        ("acme:lookup/table@1.0.0", "nothing else"),
        ("wasi:http/types@0.2.10", "no network"),
        ("sluicebox:transform/lookup@2.1.0", "a newer sluicebox"),
    ] {
        let error = load_text(&format!(r#"(component (import "{import}" (instance)))"#));
        assert!(matches!(&error, LoadError::ForbiddenImport { import: named, .. } if named == import), "{error}");
        assert!(error.to_string().contains(advice), "{error}");
    }
}

/// What a guest of world 1 imports, and its functions in their old shape.
const WORLD_1: &str = r#"(component
    (import "sluicebox:transform/log@1.0.0" (instance))
    (core module $m (func (export "f")))
    (core instance $i (instantiate $m))
    (func $f (canon lift (core func $i "f")))
    (export "describe" (func $f)) (export "configure" (func $f)) (export "process" (func $f)))"#;

#[test]
fn a_transform_of_another_version_of_the_world_is_refused_with_the_remedy() {
    for (version, remedy) in [("1.0.0", "rebuild it with the current SDK"), ("3.0.0", "run it with a newer sluicebox")]
    {
        let error = load_text(&WORLD_1.replace("1.0.0", version));
        assert!(matches!(error, LoadError::WrongWorld { .. }), "{error:?}");
        let said = error.to_string();
        let built_for = format!("it was built for `sluicebox:transform@{version}`; {remedy}");
        assert!(said.contains("not a transform of world `sluicebox:transform/transform@2.0.0`"), "{said}");
        assert!(said.contains(&built_for), "{said}");
    }
}

#[test]
fn another_world_is_named() {
    let error = load_text("(component)");
    assert!(
        matches!(error, LoadError::WrongWorld { .. }) && error.to_string().contains("does not export `configure`"),
        "{error}"
    );
}

#[test]
fn functions_of_another_shape_are_another_world() {
    let error = load_text(
        r#"(component
            (core module $m (func (export "f")))
            (core instance $i (instantiate $m))
            (func $f (canon lift (core func $i "f")))
            (export "describe" (func $f)) (export "configure" (func $f)) (export "process" (func $f)))"#,
    );
    assert!(matches!(error, LoadError::WrongWorld { .. }), "{error:?}");
}

#[test]
fn a_file_beyond_the_limit_is_not_compiled() {
    let limits = Limits { module_bytes_max: 1000, ..Limits::default() };
    let error = sandbox().load(component(), &limits, None).err().unwrap();
    assert!(matches!(error, LoadError::TooLarge { max: 1000, .. }), "{error}");
}

#[test]
fn limits_that_contradict_each_other_are_refused() {
    let limits = Limits { record_fuel_max: 1000, ..Limits::default() };
    assert!(matches!(sandbox().load(component(), &limits, None), Err(LoadError::Limit(_))));
}

#[test]
fn a_compiled_transform_is_kept_and_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let cache = CacheFolder::open(folder.path()).unwrap();
    let compiled = sandbox().load(component(), &Limits::default(), Some(&cache)).unwrap();
    let files = std::fs::read_dir(folder.path()).unwrap().count();
    // Compiled for epochs alone: the form that counts fuel is made when the first suspect needs it.
    assert_eq!(files, 1, "compiled code was kept");
    let start = std::time::Instant::now();
    let found = sandbox().load(component(), &Limits::default(), Some(&cache)).unwrap();
    println!("load from the cache: {:?}", start.elapsed());
    assert_eq!(found.digest(), compiled.digest());
    assert!(found.worker("{}").is_ok());
}
