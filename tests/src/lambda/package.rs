//! The zip of a function: packed as `make lambda-zip` packs it, unpacked as Lambda does it, permissions included.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::place;

/// Python's own `extract` forgets permissions.
const UNPACK: &str = "
import os, sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
for entry in archive.infolist():
    os.chmod(archive.extract(entry, sys.argv[2]), entry.external_attr >> 16)
";

/// As `source_code_hash` has it.
const DIGEST: &str = "
import base64, hashlib, sys
print(base64.b64encode(hashlib.sha256(open(sys.argv[1], 'rb').read()).digest()).decode())
";

/// Packs a binary into a zip in a folder. The level is low: the tests' binary is ten times as large as a release's.
///
/// # Errors
/// If Python fails.
pub fn pack(binary: &Path, folder: &Path) -> Result<PathBuf> {
    let zip = folder.join("bootstrap.zip");
    let script = place::repository().join("infra/lambda/pack");
    run(Command::new(script).arg(binary).arg(&zip).arg("1"))?;
    Ok(zip)
}

/// Unpacks a zip into a folder, and returns the file that the handler names.
///
/// # Errors
/// If it is not in there.
pub fn unpack(zip: &Path, folder: &Path, handler: &str) -> Result<PathBuf> {
    run(Command::new("python3").args(["-c", UNPACK]).args([zip, folder]))?;
    let binary = folder.join(handler);
    ensure!(binary.is_file(), "{} has no {handler}", zip.display());
    Ok(binary)
}

/// The digest by which Lambda knows a zip.
///
/// # Errors
/// If it cannot be read.
pub fn digest(zip: &Path) -> Result<String> {
    Ok(run(Command::new("python3").args(["-c", DIGEST]).arg(zip))?.trim_end().to_owned())
}

fn run(command: &mut Command) -> Result<String> {
    let output = command.output().context("can't start Python")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}
