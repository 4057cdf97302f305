//! This program as a child process.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

/// A command that runs this very program, even if a newer file lies in its place.
///
/// # Errors
/// The operating system does not say where the program lies.
pub fn command() -> std::io::Result<Command> {
    let running = Path::new("/proc/self/exe");
    let mut command = if running.exists() { Command::new(running) } else { Command::new(std::env::current_exe()?) };
    command.arg0("sluicebox");
    Ok(command)
}
