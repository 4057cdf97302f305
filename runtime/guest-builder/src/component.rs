//! From a core module to a component on disk.

use std::path::Path;

use sha2::{Digest, Sha256};
use wasm_encoder::{Module, RawSection};
use wasmparser::{Parser, Payload};

use crate::BuildError;

/// Reads the core module that cargo left at `core`.
pub(crate) fn read(core: &Path) -> Result<Vec<u8>, BuildError> {
    std::fs::read(core).map_err(|source| BuildError::File { verb: "read", path: core.to_owned(), source })
}

/// Wraps a core module.
pub(crate) fn encode(module: &[u8], package: &str) -> Result<Vec<u8>, BuildError> {
    let encode =
        |error: &dyn std::fmt::Display| BuildError::Encode { package: package.to_owned(), message: error.to_string() };
    let lean = without_ballast(module).map_err(|error| encode(&error))?;
    if !embeds_world(&lean) {
        return Err(encode(&"it embeds no world"));
    }
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

/// Whether bindings left the description of a world in the module, for the encoder to find.
fn embeds_world(module: &[u8]) -> bool {
    Parser::new(0).parse_all(module).any(|payload| match payload {
        Ok(Payload::CustomSection(section)) => section.name().starts_with("component-type"),
        _ => false,
    })
}

/// Writes beside the place and renames, so that no reader sees half a component.
pub(crate) fn write(component: &[u8], output: &Path) -> Result<(), BuildError> {
    place(component, output).map_err(|source| BuildError::File { verb: "write", path: output.to_owned(), source })
}

fn place(component: &[u8], output: &Path) -> std::io::Result<()> {
    let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    std::io::Write::write_all(&mut file, component)?;
    // Before the rename, so that no reader meets a file that it may not open.
    readable_by_all(file.as_file())?;
    file.persist(output).map_err(|error| error.error)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_encoder::CustomSection;

    fn module(sections: &[&str]) -> Vec<u8> {
        let mut module = Module::new();
        for name in sections {
            module.section(&CustomSection { name: (*name).into(), data: (&[][..]).into() });
        }
        module.finish()
    }

    #[test]
    fn only_names_and_the_world_stay() {
        let lean = without_ballast(&module(&[".debug_info", "name", "producers", "component-type:transform"])).unwrap();
        assert_eq!(lean, module(&["name", "component-type:transform"]));
    }

    #[test]
    fn a_module_without_a_world_is_not_a_transform() {
        let error = encode(&module(&["name"]), "orders").unwrap_err().to_string();
        assert!(
            error.contains("`orders` compiles but is not a transform") && error.contains("`sluicebox` SDK"),
            "{error}"
        );
    }
}
