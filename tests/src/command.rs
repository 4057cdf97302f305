//! `sluicebox` as a person calls it: one command, waited for, with what it said and how it ended.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::place;

/// How a command ended.
#[derive(Debug)]
pub struct Said {
    /// The exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// Its data.
    pub stdout: String,
    /// Its messages.
    pub stderr: String,
}

/// Runs `sluicebox` with these arguments in a folder.
pub fn sluicebox<A: AsRef<OsStr>>(folder: &Path, arguments: impl IntoIterator<Item = A>) -> Result<Said> {
    sluicebox_with(&[], folder, arguments)
}

/// The same with further variables in its environment.
pub fn sluicebox_with<A: AsRef<OsStr>>(
    environment: &[(String, String)],
    folder: &Path,
    arguments: impl IntoIterator<Item = A>,
) -> Result<Said> {
    let output = Command::new(place::sluicebox()?)
        .args(arguments)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .context("can't start sluicebox")?;
    Ok(Said {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout)?,
        stderr: String::from_utf8(output.stderr)?,
    })
}
