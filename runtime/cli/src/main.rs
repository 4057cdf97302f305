//! The command `sluicebox`: one file a command under `commands/`, and beside them what several commands share.
//!
//! - [`samples`]: records from files for `try` and `test`; [`trial`]: the verdicts of a transform on them; [`cells`]: typed
//!   columns as JSON; [`difference`]: where two verdicts differ.
//! - [`http`]: the answers of a running pipeline; [`cache`]: the folder of compiled transforms.
//! - [`console`](sluicebox_console): colours, logs, exit codes.
//!
//! The command must not know how the walk works: `run` calls the pipeline, everything else stays in the sandbox. Demo and
//! bench are in the showcase, the arithmetic of `cost` is in a crate of its own.

mod cache;
mod cells;
mod commands;
mod difference;
mod http;
mod samples;
mod trial;

use std::process::ExitCode;

use clap::Parser;
use sluicebox_console::{cpu, exit, terminal, visible};

fn main() -> ExitCode {
    let arguments = commands::Arguments::parse();
    if let Err(message) = terminal::start_logs(arguments.log_level()) {
        return exit::code(Err(exit::Failure::usage(message)));
    }
    exit::code(arguments.run())
}
