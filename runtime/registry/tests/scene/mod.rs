//! Two transforms, a registry in a folder, and two keys.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use sluicebox_guest_builder::Options;
use sluicebox_registry::{ChangeRequest, Registry, SigningKey};
use sluicebox_sandbox::{Batch, Limits, NO_HEADERS, Sandbox, Target, Transform};
use tempfile::TempDir;

/// `openssl genpkey -algorithm ed25519`; signs nothing but tests.
pub const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
";
/// Another one.
pub const OTHER: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqMjtqxiGFf
-----END PRIVATE KEY-----
";

pub fn key() -> SigningKey {
    SigningKey::from_pem(PRIVATE).unwrap()
}

pub fn other_key() -> SigningKey {
    SigningKey::from_pem(OTHER).unwrap()
}

pub fn sandbox() -> &'static Sandbox {
    static SANDBOX: OnceLock<Sandbox> = OnceLock::new();
    SANDBOX.get_or_init(|| Sandbox::new().unwrap())
}

/// The processor that this is.
pub fn here() -> Target {
    Target::here().expect("a machine that transforms are compiled for")
}

/// `clean-orders`.
pub fn orders() -> &'static Transform {
    static TRANSFORM: OnceLock<Transform> = OnceLock::new();
    TRANSFORM.get_or_init(|| load("sample-transforms/clean-orders"))
}

/// `mask-pii`.
pub fn pii() -> &'static Transform {
    static TRANSFORM: OnceLock<Transform> = OnceLock::new();
    TRANSFORM.get_or_init(|| load("sample-transforms/mask-pii"))
}

fn load(folder: &str) -> Transform {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let options = Options { target_dir: Some(root.join("target/guests")), quiet: true, ..Options::default() };
    let wasm: PathBuf = sluicebox_guest_builder::build(&root.join(folder), &options).unwrap().path;
    sandbox().load(&wasm, &Limits::default(), None).unwrap()
}

/// A registry in a folder of its own.
pub fn registry() -> (TempDir, Registry) {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::open(folder.path().to_str().unwrap()).unwrap();
    (folder, registry)
}

pub fn change() -> ChangeRequest {
    ChangeRequest { by: "tests".to_owned(), ..ChangeRequest::default() }
}

/// How many of ten orders become rows, are filtered or rejected: enough to tell transforms apart.
pub fn judged(transform: &Transform) -> String {
    let mut batch = Batch::new("orders", 0);
    for index in 0..10 {
        let value = match index {
            3 => "no order".to_owned(),
            _ => format!(
                r#"{{"id": "o-{index}", "customer": "Ada", "amount": {index}.5, "currency": "eur", "placed_at": "2024-03-01T00:30:00Z"}}"#
            ),
        };
        batch.push(index, 0, None, Some(value.as_bytes()), NO_HEADERS);
    }
    let outcome = transform.worker("{}").unwrap().process(&batch).unwrap();
    let codes: Vec<&str> = outcome.rejections.iter().map(|rejection| rejection.code.as_ref()).collect();
    format!("{:?} {codes:?}", outcome.verdicts)
}
