//! What every command of `sluicebox` shares with the terminal and the operating system.
//!
//! - [`exit`]: what an exit code means, and which error leads to which.
//! - [`terminal`]: colours, logs and numbers for people.
//! - [`visible`](mod@visible): foreign text, in a form that a terminal does not obey.
//! - [`itself`]: this program as a child process; [`cpu`]: the CPU time that it used.
//!
//! It must not know what any command does.

pub mod cpu;
pub mod exit;
pub mod itself;
pub mod terminal;
pub mod visible;
