//! How the command ends: 0 success, 1 a negative verdict, 2 usage or configuration, 3 the environment.

use std::fmt::Display;
use std::process::ExitCode;

use crate::terminal;

/// The answer of a command that did its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The answer is yes.
    Good,
    /// The answer is no: a test failed, records were lost.
    Bad,
}

/// Why a command could not do its work.
#[derive(Debug)]
pub enum Failure {
    /// The user has to change the command line, a settings file, a transform or a sample.
    Usage(anyhow::Error),
    /// The environment has to change; the same command may succeed then.
    Environment(anyhow::Error),
    /// Nothing failed, but the answer is no, for this reason.
    Refused(anyhow::Error),
    /// The message is on stderr already; only the code remains.
    Shown(ExitCode),
}

/// What every command returns.
pub type Outcome = Result<Verdict, Failure>;

/// Says who can fix an error, and what the command was doing.
pub trait Blame<T> {
    /// The user has to change something.
    fn usage(self, doing: impl Display) -> Result<T, Failure>;
    /// The environment has to change.
    fn environment(self, doing: impl Display) -> Result<T, Failure>;
}

impl<T, E: Into<anyhow::Error>> Blame<T> for Result<T, E> {
    fn usage(self, doing: impl Display) -> Result<T, Failure> {
        self.map_err(|error| Failure::Usage(error.into().context(doing.to_string())))
    }

    fn environment(self, doing: impl Display) -> Result<T, Failure> {
        self.map_err(|error| Failure::Environment(error.into().context(doing.to_string())))
    }
}

impl Failure {
    /// The user has to change something; `message` says what.
    pub fn usage(message: impl Display) -> Self {
        Failure::Usage(anyhow::anyhow!("{message}"))
    }

    /// The environment has to change; `message` says what.
    pub fn environment(message: impl Display) -> Self {
        Failure::Environment(anyhow::anyhow!("{message}"))
    }

    /// Wrong usage that stderr explains already.
    pub fn shown_usage() -> Self {
        Failure::Shown(ExitCode::from(2))
    }
}

/// An error without an owner is the environment's: a write, a thread, a child process.
impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Failure::Environment(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Failure::Environment(error.into())
    }
}

/// The exit code, after the last message has gone to stderr.
pub fn code(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(Verdict::Good) => ExitCode::SUCCESS,
        Ok(Verdict::Bad) => ExitCode::from(1),
        Err(Failure::Usage(error)) => {
            terminal::tell(format_args!("error: {}", one_line(&error)));
            ExitCode::from(2)
        }
        Err(Failure::Environment(error)) => {
            // A reader that closes our stdout (`| head`) has seen enough.
            if error.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe) {
                return ExitCode::SUCCESS;
            }
            terminal::tell(format_args!("error: {}", one_line(&error)));
            ExitCode::from(3)
        }
        Err(Failure::Refused(error)) => {
            terminal::tell(format_args!("error: {}", one_line(&error)));
            ExitCode::from(1)
        }
        Err(Failure::Shown(code)) => code,
    }
}

/// The error and its causes in one line. A cause is left out where the text before contains it.
fn one_line(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    // A guest's text may hold line breaks: its lines must not pass for our own.
    text.replace('\n', "\n  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_appears_once() {
        let error = anyhow::anyhow!("no such file").context("cannot read a: no such file").context("doing b");
        assert_eq!(one_line(&error), "doing b: cannot read a: no such file");
        assert_eq!(one_line(&anyhow::anyhow!("x").context("y")), "y: x");
    }
}
