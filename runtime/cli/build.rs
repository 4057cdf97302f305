//! Gathers what the command knows of itself: the runbooks for `sluicebox explain`, and for `--version` the commit and the
//! version of wasmtime, which decides whether a compiled transform can be loaded.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = variable("CARGO_MANIFEST_DIR").join("../..").canonicalize()?;
    embed_runbooks(&root.join("docs/runbooks"))?;
    println!("cargo::rustc-env=SLUICEBOX_WASMTIME={}", locked_version(&root.join("Cargo.lock"), "wasmtime")?);
    println!("cargo::rustc-env=SLUICEBOX_COMMIT={}", commit(&root));
    Ok(())
}

fn variable(name: &str) -> PathBuf {
    PathBuf::from(env::var_os(name).unwrap_or_default())
}

/// `RUNBOOKS`: the code and the text of each.
fn embed_runbooks(folder: &Path) -> io::Result<()> {
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files: Vec<PathBuf> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "md"));
    files.sort();
    let mut list = String::from("const RUNBOOKS: &[(&str, &str)] = &[\n");
    for file in &files {
        let code = file.file_stem().unwrap_or_default().to_string_lossy();
        list += &format!("    ({code:?}, include_str!({:?})),\n", file.display().to_string());
    }
    list.push_str("];\n");
    fs::write(variable("OUT_DIR").join("runbooks.rs"), list)
}

/// The version of a crate in `Cargo.lock`.
fn locked_version(lock: &Path, name: &str) -> io::Result<String> {
    println!("cargo::rerun-if-changed={}", lock.display());
    let text = fs::read_to_string(lock)?;
    let entry = format!("name = \"{name}\"\nversion = \"");
    let version = text.split_once(&entry).and_then(|(_, rest)| rest.split_once('"')).map(|(version, _)| version);
    Ok(version.unwrap_or("unknown").to_owned())
}

/// The commit, from `SLUICEBOX_COMMIT` where a release is built from an archive, else from git.
fn commit(root: &Path) -> String {
    println!("cargo::rerun-if-env-changed=SLUICEBOX_COMMIT");
    if let Some(given) = env::var("SLUICEBOX_COMMIT").ok().filter(|commit| !commit.is_empty()) {
        return given;
    }
    // The log of HEAD grows with every commit and checkout. A path that does not exist would build the command every time.
    let log = git(root, &["rev-parse", "--git-path", "logs/HEAD"]).map(|path| root.join(path));
    if let Some(log) = log.filter(|log| log.is_file()) {
        println!("cargo::rerun-if-changed={}", log.display());
    }
    git(root, &["rev-parse", "--short=10", "HEAD"]).unwrap_or_else(|| "unknown".to_owned())
}

/// None where there is no git, or no repository.
fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").arg("-C").arg(root).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}
