//! Embeds the template of a transform and the Rust SDK: `sluicebox new` needs no checkout and no registry that has the SDK.
//!
//! The SDK's manifests inherit from the workspace. They are written out here, so that the crates stand alone.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use toml_edit::{DocumentMut, Item, Table, Value};

/// Sections of a manifest that only a checkout needs.
const SECTIONS_LEFT_OUT: [&str; 2] = ["lints", "dev-dependencies"];
fn main() -> io::Result<()> {
    let root = variable("CARGO_MANIFEST_DIR").join("../..").canonicalize()?;
    let workspace = manifest(&root.join("Cargo.toml"))?;
    let rust = root.join("guest-sdk/rust");
    let mut code = String::new();

    let mut template = Vec::new();
    collect(&rust.join("template"), "", &mut template)?;
    list(&mut code, "TEMPLATE", &template);

    let mut sdk = Vec::new();
    for (folder, name) in [("sdk", "sluicebox"), ("macros", "sluicebox-macros")] {
        let standing_alone = stand_alone(manifest(&rust.join(folder).join("Cargo.toml"))?, &workspace);
        sdk.push((format!("{name}/Cargo.toml"), keep(&format!("{name}.Cargo.toml"), &standing_alone)?));
        collect(&rust.join(folder).join("src"), &format!("{name}/src/"), &mut sdk)?;
    }
    collect(&root.join("wit"), "sluicebox/wit/", &mut sdk)?;
    sdk.retain(|(name, _)| !name.ends_with(".md"));
    list(&mut code, "SDK", &sdk);
    fs::write(variable("OUT_DIR").join("files.rs"), code)
}

fn variable(name: &str) -> PathBuf {
    PathBuf::from(env::var_os(name).unwrap_or_default())
}

/// All files below `folder`, each with its path in the new crate.
fn collect(folder: &Path, prefix: &str, files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            collect(&path, &format!("{prefix}{name}/"), files)?;
        } else {
            files.push((format!("{prefix}{name}"), path));
        }
    }
    Ok(())
}

/// Writes a generated text where `include_str!` finds it.
fn keep(name: &str, text: &str) -> io::Result<PathBuf> {
    let file = variable("OUT_DIR").join(name);
    fs::write(&file, text)?;
    Ok(file)
}

fn list(code: &mut String, name: &str, files: &[(String, PathBuf)]) {
    *code += &format!("const {name}: &[(&str, &str)] = &[\n");
    for (path, file) in files {
        // A string takes every write.
        writeln!(code, "    ({path:?}, include_str!({:?})),", file.display().to_string()).unwrap_or_default();
    }
    *code += "];\n";
}

fn manifest(file: &Path) -> io::Result<DocumentMut> {
    println!("cargo::rerun-if-changed={}", file.display());
    fs::read_to_string(file)?.parse().map_err(io::Error::other)
}

/// The manifest with what it inherits from the workspace written out.
fn stand_alone(mut manifest: DocumentMut, workspace: &DocumentMut) -> String {
    for section in SECTIONS_LEFT_OUT {
        manifest.remove(section);
    }
    // It lies beside the crate in a checkout only.
    manifest["package"].as_table_mut().map(|package| package.remove("readme"));
    let shared = &workspace["workspace"];
    for (key, item) in manifest["package"].as_table_mut().into_iter().flat_map(Table::iter_mut) {
        if inherits(item) {
            *item = shared["package"][&*key].clone();
        }
    }
    write_out(manifest.get_mut("dependencies"), &shared["dependencies"]);
    let targets = manifest.get_mut("target").and_then(Item::as_table_mut);
    for (_, target) in targets.into_iter().flat_map(Table::iter_mut) {
        write_out(target.get_mut("dependencies"), &shared["dependencies"]);
    }
    manifest.to_string()
}

fn write_out(dependencies: Option<&mut Item>, shared: &Item) {
    let dependencies = dependencies.and_then(Item::as_table_mut);
    for (key, item) in dependencies.into_iter().flat_map(Table::iter_mut) {
        if !inherits(item) {
            continue;
        }
        *item = shared[&*key].clone();
        // The crates of the SDK lie beside each other.
        if let Some(table) = item.as_inline_table_mut().filter(|table| table.contains_key("path")) {
            table.insert("path", Value::from(format!("../{}", &*key)));
        }
    }
}

fn inherits(item: &Item) -> bool {
    item.get("workspace").and_then(Item::as_bool) == Some(true)
}
