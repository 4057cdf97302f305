//! This program, to be started once more.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

/// A command that runs this very program, even if its file has been replaced meanwhile.
pub(crate) fn command() -> std::io::Result<Command> {
    let running = Path::new("/proc/self/exe");
    let mut command = if running.exists() { Command::new(running) } else { Command::new(std::env::current_exe()?) };
    command.arg0("sluicebox");
    Ok(command)
}
