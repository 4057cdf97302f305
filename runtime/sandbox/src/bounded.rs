//! Foreign words at a bounded length: names, messages and errors come from guests, and one of them may be a gigabyte.

use std::fmt::{self, Write as _};

/// What is kept of a message for a person.
pub(crate) const MESSAGE_BYTES_MAX: usize = 4096;

/// The beginning of a text.
pub(crate) fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

/// The beginning of what `value` has to say. It is stopped there, so that it costs no more either.
pub(crate) fn said(value: impl fmt::Display, bytes_max: usize) -> String {
    let mut beginning = Beginning { text: String::new(), bytes_max };
    // The error is the bound itself.
    let _full = write!(beginning, "{value}");
    beginning.text
}

/// An error with its causes.
pub(crate) fn explained(error: &wasmtime::Error) -> String {
    said(format_args!("{error:#}"), MESSAGE_BYTES_MAX)
}

struct Beginning {
    text: String,
    bytes_max: usize,
}

impl fmt::Write for Beginning {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        let fits = cut(more, self.bytes_max - self.text.len());
        self.text.push_str(fits);
        match fits.len() == more.len() {
            true => Ok(()),
            false => Err(fmt::Error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Would write for ever.
    struct Endless;

    impl fmt::Display for Endless {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            loop {
                f.write_str("é")?;
            }
        }
    }

    #[test]
    fn what_has_no_end_is_stopped_at_a_character() {
        assert_eq!(said(Endless, 7), "ééé");
        assert_eq!(said("short", 7), "short");
    }
}
