//! Keeps a child process from outliving the test, however the test ends.
//!
//! A destructor does not run when a test binary is killed, nor for what a `static` holds. A pipe is closed in every case:
//! a small shell watches its end of it, and kills the child when our end is gone.

use std::ffi::OsStr;
use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

/// Starts `"$@"` with output to the log, waits for the pipe's end, then kills it for good.
const KILL_WHEN_LET_GO: &str = r#""$@" </dev/null & cat >/dev/null; kill -9 $!; wait"#;
/// Waits for the pipe's end, then kills the process with this number.
const KILL_BY_ID_WHEN_LET_GO: &str = r#"cat >/dev/null; kill -9 "$1" 2>/dev/null"#;
/// Waits for the pipe's end and for the processes that write there, then removes the folder.
const REMOVE_WHEN_LET_GO: &str = r#"cat >/dev/null; sleep 1; rm -rf -- "$1""#;

/// While this lives, the child may; when it goes, the child is killed with SIGKILL.
#[derive(Debug)]
pub struct Lifeline(Child);

impl Lifeline {
    /// Starts a program whose standard output and error go to `log`.
    pub fn start(program: &str, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>, log: &Path) -> Result<Self> {
        let log = File::create(log).with_context(|| format!("can't write {}", log.display()))?;
        let mut shell = shell(KILL_WHEN_LET_GO);
        shell.arg(program).args(arguments).stdout(log.try_clone()?).stderr(log);
        Ok(Self(shell.spawn().with_context(|| format!("can't start {program}"))?))
    }

    /// Kills a child that has been started elsewhere when this goes, or when the whole process does.
    pub fn of(child: &Child) -> Result<Self> {
        let mut shell = shell(KILL_BY_ID_WHEN_LET_GO);
        Ok(Self(shell.arg(child.id().to_string()).stdout(Stdio::null()).spawn().context("can't start sh")?))
    }

    /// Removes a folder when this goes, or when the whole process does.
    pub fn folder(folder: &Path) -> Result<Self> {
        Ok(Self(shell(REMOVE_WHEN_LET_GO).arg(folder).spawn().context("can't start sh")?))
    }
}

impl Drop for Lifeline {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // The shell ends once the child is gone; a destructor cannot report that it does not.
        let _ended = self.0.wait();
    }
}

fn shell(script: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", script, "sh"]).stdin(Stdio::piped());
    shell
}
