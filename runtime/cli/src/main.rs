//! The command `sluicebox`: one file a command under `commands/`, and beside them what several commands share.
//!
//! - [`samples`]: records from files for `try` and `test`; [`trial`]: what a transform makes of them; [`cells`]: typed
//!   columns as JSON; [`difference`]: where two verdicts part.
//! - [`http`]: a running pipeline's answers.
//! - [`cost`]: arithmetic on prices.
//! - [`terminal`]: colours, logs and numbers for people; [`exit`]: what the exit code means.
//!
//! The command must not know how the walk works: `run` calls the pipeline, and everything else stays in the sandbox.

mod cache;
mod cells;
mod commands;
mod cost;
mod cpu;
mod difference;
mod exit;
mod http;
mod itself;
mod samples;
mod terminal;
mod trial;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let arguments = commands::Arguments::parse();
    terminal::start_logs(arguments.log_filter());
    exit::code(arguments.run())
}
