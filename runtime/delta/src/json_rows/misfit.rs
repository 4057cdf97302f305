//! Why a row does not fit its table: the column and the reason, never the value.

use std::borrow::Cow;

/// A reason, and where in the row it applies. Boxed, because every value that is read returns its like.
#[derive(Debug)]
pub(super) struct Misfit(Box<Reason>);

#[derive(Debug)]
struct Reason {
    reason: Cow<'static, str>,
    /// Names of columns, the innermost first; none where the row as a whole does not fit.
    path: Vec<String>,
}

impl Misfit {
    #[cold]
    pub(super) fn new(reason: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Reason { reason: reason.into(), path: Vec::new() }))
    }

    /// The same, inside the column `name`.
    pub(super) fn within(mut self, name: &str) -> Self {
        self.0.path.push(name.to_owned());
        self
    }

    /// For a person.
    pub(super) fn message(&self) -> String {
        let Reason { reason, path } = &*self.0;
        if path.is_empty() {
            return reason.clone().into_owned();
        }
        let names: Vec<&str> = path.iter().rev().map(String::as_str).collect();
        format!("column `{}`: {reason}", names.join("."))
    }
}
