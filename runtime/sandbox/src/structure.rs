//! What a file is, read without compiling it: a component or not, whole or not, its imports and exports.

use wasmparser::{ComponentTypeRef, Parser, Payload, TypeBounds, Validator, WasmFeatures};

/// The outer imports and exports of a component.
#[derive(Debug, Default)]
pub(crate) struct Structure {
    pub(crate) imports: Vec<String>,
    pub(crate) exports: Vec<String>,
}

/// Why a file has no structure to read.
#[derive(Debug)]
pub(crate) enum Misfit {
    NotWasm,
    CoreModule,
    Corrupt(String),
}

impl Structure {
    /// Reads a component from an untrusted place, and validates all of it.
    pub(crate) fn validated(bytes: &[u8]) -> Result<Structure, Misfit> {
        let structure = Structure::read(bytes)?;
        Validator::new_with_features(WasmFeatures::all()).validate_all(bytes).map_err(corrupt)?;
        Ok(structure)
    }

    /// Reads a component that was validated when it was compiled.
    pub(crate) fn read(bytes: &[u8]) -> Result<Structure, Misfit> {
        if !bytes.starts_with(b"\0asm") {
            return Err(Misfit::NotWasm);
        }
        if Parser::is_core_wasm(bytes) {
            return Err(Misfit::CoreModule);
        }
        let mut structure = Structure::default();
        // The parser walks into nested modules and components, whose imports are met by the outer one.
        let mut depth = 0;
        for payload in Parser::new(0).parse_all(bytes) {
            match payload.map_err(corrupt)? {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth -= 1,
                Payload::ComponentImportSection(imports) if depth == 0 => {
                    for import in imports {
                        let import = import.map_err(corrupt)?;
                        // The world's own `use` lines come as imported types: names, nothing that can be called.
                        if !matches!(import.ty, ComponentTypeRef::Type(TypeBounds::Eq(_))) {
                            structure.imports.push(import.name.name.to_owned());
                        }
                    }
                }
                Payload::ComponentExportSection(exports) if depth == 0 => {
                    for export in exports {
                        structure.exports.push(export.map_err(corrupt)?.name.name.to_owned());
                    }
                }
                _ => {}
            }
        }
        Ok(structure)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "goes into map_err")]
fn corrupt(error: wasmparser::BinaryReaderError) -> Misfit {
    Misfit::Corrupt(error.to_string())
}
