//! How the command ends: 0 all is well, 1 a negative verdict, 2 usage or settings, 3 the surroundings.

use std::fmt::Display;
use std::process::ExitCode;

/// How a command went that did what it was asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing to complain about.
    Good,
    /// Done, and the answer is no: a test failed, records were lost.
    Bad,
}

/// Why a command could not do what it was asked to do.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line, a settings file, a transform or a sample has to change.
    Usage(anyhow::Error),
    /// The surroundings have to change; the same command may succeed then.
    Environment(anyhow::Error),
    /// Nothing failed, but the answer is no, and this is why.
    Refused(anyhow::Error),
    /// The message has been shown already; only the code remains.
    Shown(ExitCode),
}

/// What every command gives back.
pub(crate) type Outcome = Result<Verdict, Failure>;

/// Says who has to mend an error, and what was being done.
pub(crate) trait Blame<T> {
    /// The user has to change something.
    fn usage(self, doing: impl Display) -> Result<T, Failure>;
    /// The surroundings have to change.
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
    pub(crate) fn usage(message: impl Display) -> Self {
        Failure::Usage(anyhow::anyhow!("{message}"))
    }

    /// The surroundings have to change; `message` says what.
    pub(crate) fn environment(message: impl Display) -> Self {
        Failure::Environment(anyhow::anyhow!("{message}"))
    }

    /// Usage that has been explained on stderr already.
    pub(crate) fn shown_usage() -> Self {
        Failure::Shown(ExitCode::from(2))
    }
}

/// Anything that is nobody's fault in particular went wrong with the surroundings: a write, a thread, a child.
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
pub(crate) fn code(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(Verdict::Good) => ExitCode::SUCCESS,
        Ok(Verdict::Bad) => ExitCode::from(1),
        Err(Failure::Usage(error)) => {
            eprintln!("error: {}", whole(&error));
            ExitCode::from(2)
        }
        Err(Failure::Environment(error)) => {
            // Whoever closed our stdout (`| head`) has seen enough.
            if error.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe) {
                return ExitCode::SUCCESS;
            }
            eprintln!("error: {}", whole(&error));
            ExitCode::from(3)
        }
        Err(Failure::Refused(error)) => {
            eprintln!("error: {}", whole(&error));
            ExitCode::from(1)
        }
        Err(Failure::Shown(code)) => code,
    }
}

/// The error and its causes in one line; a cause that the error has told already is left out.
fn whole(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_once() {
        let error = anyhow::anyhow!("no such file").context("cannot read a: no such file").context("doing b");
        assert_eq!(whole(&error), "doing b: cannot read a: no such file");
        assert_eq!(whole(&anyhow::anyhow!("x").context("y")), "y: x");
    }
}
