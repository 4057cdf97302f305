//! From a core module to a component on disk.

use std::path::Path;

use sha2::{Digest, Sha256};
use wasm_encoder::{Module, RawSection};
use wasmparser::{Parser, Payload};

use crate::BuildError;

/// Wraps the core module that cargo left at `core`.
pub(crate) fn encode(core: &Path, package: &str) -> Result<Vec<u8>, BuildError> {
    let module =
        std::fs::read(core).map_err(|source| BuildError::File { verb: "read", path: core.to_owned(), source })?;
    let encode =
        |error: &dyn std::fmt::Display| BuildError::Encode { package: package.to_owned(), message: error.to_string() };
    let lean = without_ballast(&module).map_err(|error| encode(&error))?;
    wit_component::ComponentEncoder::default()
        .validate(true)
        .module(&lean)
        .and_then(|mut encoder| encoder.encode())
        .map_err(|error| encode(&format!("{error:#}")))
}

/// Drops the custom sections but two: function names, for backtraces, and the embedded world, for the encoder.
fn without_ballast(module: &[u8]) -> Result<Vec<u8>, wasmparser::BinaryReaderError> {
    let mut lean = Module::new();
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        if let Payload::CustomSection(section) = &payload
            && section.name() != "name"
            && !section.name().starts_with("component-type")
        {
            continue;
        }
        if let Some((id, range)) = payload.as_section() {
            lean.section(&RawSection { id, data: &module[range] });
        }
    }
    Ok(lean.finish())
}

/// Writes beside the place and renames, so that nobody ever sees half a component.
pub(crate) fn write(component: &[u8], output: &Path) -> Result<(), BuildError> {
    let fail = |source| BuildError::File { verb: "write", path: output.to_owned(), source };
    let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(fail)?;
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(fail)?;
    std::io::Write::write_all(&mut file, component).map_err(fail)?;
    readable_by_all(file.as_file()).map_err(fail)?;
    file.persist(output).map_err(|error| fail(error.error))?;
    Ok(())
}

/// A temporary file is its maker's alone; a component is an ordinary build product.
fn readable_by_all(file: &std::fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

/// `sha256:<hex>`.
pub(crate) fn digest(component: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(component)))
}
