//! Embeds the SDK's template, whatever files it has, for `sluicebox new`; and where the SDK of this checkout lies.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let sdk = manifest.join("../../guest-sdk/rust");
    let template = sdk.join("template");
    println!("cargo::rerun-if-changed={}", template.display());
    println!("cargo::rustc-env=SLUICEBOX_CHECKOUT={}", manifest.join("../..").canonicalize()?.display());

    let mut files = Vec::new();
    // Absent only in a checkout without the SDK; `new` has nothing to offer then, and its test says so.
    if template.is_dir() {
        collect(&template, &mut files)?;
    }
    files.sort();
    let mut list = String::from("const TEMPLATE: &[(&str, &str)] = &[\n");
    for file in &files {
        let name = file.strip_prefix(&template).unwrap_or(file);
        list += &format!("    ({:?}, include_str!({:?})),\n", name.to_string_lossy(), file.to_string_lossy());
    }
    list.push_str("];\n");
    fs::write(PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("template.rs"), list)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { collect(&path, files)? } else { files.push(path) }
    }
    Ok(())
}
