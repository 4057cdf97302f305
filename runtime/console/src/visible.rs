//! Foreign text on a terminal: what a guest, a producer or a registry wrote must not move the cursor, forge a line, reach the
//! clipboard or turn the reading direction. wasmtime's security page names this "terminal output" as its first priority:
//! <https://docs.wasmtime.dev/security.html>.

use std::borrow::Cow;
use std::io::{self, Write};

/// One line of foreign text, with each control character, line break and mark of direction in the form that JSON has for it:
/// `\n`, `\u001b`, `\u202e`. Other text stays as it is, in any script.
pub fn visible(text: &str) -> Cow<'_, str> {
    if text.chars().all(|char| !is_line_break(char) && !is_unseen(char)) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for char in text.chars() {
        match char {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            _ if is_unseen(char) => escape(char, &mut shown),
            _ => shown.push(char),
        }
    }
    Cow::Owned(shown)
}

fn is_line_break(char: char) -> bool {
    matches!(char, '\n' | '\t')
}

/// Whether a terminal obeys the character instead of showing it. A line break and a tab are what our own text needs.
fn is_unseen(char: char) -> bool {
    match char {
        '\n' | '\t' => false,
        // Marks of direction: <https://www.unicode.org/reports/tr9/>, "Trojan Source" (CVE-2021-42574).
        '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        // Line and paragraph separators, and what takes no room: names that differ would look the same.
        '\u{2028}' | '\u{2029}' | '\u{200b}' | '\u{2060}' | '\u{feff}' | '\u{00ad}' => true,
        // Tag characters carry text that no reader sees.
        '\u{e0000}'..='\u{e007f}' => true,
        _ => char.is_control(),
    }
}

/// As JSON writes it, so that a guarded JSON document stays one: two units for what lies beyond the basic plane.
fn escape(char: char, shown: &mut String) {
    let mut units = [0; 2];
    for unit in char.encode_utf16(&mut units) {
        shown.push_str(&format!("\\u{unit:04x}"));
    }
}

/// A writer that lets no control character through but line breaks, tabs and, for a terminal, colours: the net below
/// [`visible`], for the text that a command forgot.
pub struct Guarded<W> {
    inner: W,
    allows_colours: bool,
    /// The beginning of a character, or of a colour, whose end has not been written yet.
    rest: Vec<u8>,
}

/// `ESC [ 38 ; 5 ; 196 m` is the longest that our own colours need, with room to spare.
const COLOUR_BYTES_MAX: usize = 24;

impl<W: Write> Guarded<W> {
    /// Guards a writer; `allows_colours` for one whose texts [`Paint`](crate::terminal::Paint) colours.
    pub fn new(inner: W, allows_colours: bool) -> Guarded<W> {
        Guarded { inner, allows_colours, rest: Vec::new() }
    }

    /// How many bytes at the beginning are one of our colours: `None` for other bytes, `Some(0)` if the colour's end is missing.
    fn colour(&self, bytes: &[u8]) -> Option<usize> {
        if !self.allows_colours {
            return None;
        }
        let body = match bytes {
            [0x1b] => return Some(0),
            [0x1b, b'[', body @ ..] => body,
            _ => return None,
        };
        let length = body.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b';').count();
        match body.get(length) {
            Some(b'm') => Some(length + 3),
            None if length < COLOUR_BYTES_MAX => Some(0),
            _ => None,
        }
    }

    /// Writes the text, and returns how much of it: less than all if it ends within a colour.
    fn write_text(&mut self, text: &str) -> io::Result<usize> {
        let (mut plain, mut at) = (0, 0);
        while let Some(char) = text[at..].chars().next() {
            if !is_unseen(char) {
                at += char.len_utf8();
                continue;
            }
            self.inner.write_all(&text.as_bytes()[plain..at])?;
            plain = at;
            match self.colour(&text.as_bytes()[at..]) {
                Some(0) => return Ok(at),
                Some(length) => at += length,
                None => {
                    let mut shown = String::new();
                    escape(char, &mut shown);
                    self.inner.write_all(shown.as_bytes())?;
                    at += char.len_utf8();
                    plain = at;
                }
            }
        }
        self.inner.write_all(&text.as_bytes()[plain..at])?;
        Ok(at)
    }

    fn write_bytes(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut at = 0;
        for chunk in bytes.utf8_chunks() {
            let written = self.write_text(chunk.valid())?;
            at += written;
            let is_whole = written == chunk.valid().len();
            // An end that may still become a character, or a colour, waits for more.
            if !is_whole || (at + chunk.invalid().len() == bytes.len() && is_beginning(chunk.invalid())) {
                return Ok(at);
            }
            if !chunk.invalid().is_empty() {
                self.inner.write_all("\u{fffd}".as_bytes())?;
                at += chunk.invalid().len();
            }
        }
        Ok(at)
    }
}

/// Whether more bytes could make a character of these.
fn is_beginning(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

impl<W: Write> Write for Guarded<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut text = std::mem::take(&mut self.rest);
        text.extend_from_slice(bytes);
        let written = self.write_bytes(&text)?;
        self.rest = text.split_off(written);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guarded(pieces: &[&[u8]], allows_colours: bool) -> String {
        let mut out = Guarded::new(Vec::new(), allows_colours);
        for piece in pieces {
            out.write_all(piece).unwrap();
        }
        String::from_utf8(out.inner).unwrap()
    }

    #[test]
    fn what_a_terminal_obeys_is_shown_instead() {
        assert!(matches!(visible("Größe 注文 🦀 a b"), Cow::Borrowed(_)));
        assert_eq!(visible("a\u{1b}]52;c;x\u{7}b\r\n\tc"), r"a\u001b]52;c;x\u0007b\r\n\tc");
        assert_eq!(visible("\u{202e}evil\u{2066}\u{9b}31m\u{7f}\0"), r"\u202eevil\u2066\u009b31m\u007f\u0000");
        assert_eq!(visible("x\u{e0041}"), r"x\udb40\udc41");
    }

    #[test]
    fn only_line_breaks_tabs_and_colours_pass() {
        assert_eq!(guarded(&[b"a\tb\nc\x1b]0;title\x07d"], true), "a\tb\nc\\u001b]0;title\\u0007d");
        assert_eq!(guarded(&[b"\x1b[1;31mred\x1b[0m \x1b[2J"], true), "\x1b[1;31mred\x1b[0m \\u001b[2J");
        assert_eq!(guarded(&[b"\x1b[1;31mred"], false), "\\u001b[1;31mred");
        let endless = [b"\x1b[".as_slice(), &[b'1'; 100]].concat();
        assert!(guarded(&[&endless], true).starts_with("\\u001b[111"));
    }

    #[test]
    fn what_is_written_in_pieces_is_judged_as_a_whole() {
        assert_eq!(guarded(&[b"\x1b", b"[3", b"1mred", b"\x1b[2", b"Jx"], true), "\x1b[31mred\\u001b[2Jx");
        assert_eq!(guarded(&[b"\xe2\x80", b"\xaex \xf0\x9f\xa6", b"\x80", b"\xff!"], false), "\\u202ex 🦀\u{fffd}!");
    }

    /// JSON has the same escapes, so a document that passes the net stays one.
    #[test]
    fn json_stays_json() {
        assert_eq!(guarded(&[b"{\"a\": \"\xe2\x80\xae\x7f\"}"], false), r#"{"a": "\u202e\u007f"}"#);
    }
}
