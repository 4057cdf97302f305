//! Reads JSON text value by value, as far as a row's columns ask for. Knows no columns, and keeps no text.

use super::misfit::Misfit;

/// What begins at the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    Boolean,
    Number,
    Text,
    Array,
    Object,
}

/// Whether the text is a number as JSON writes one, and nothing else.
pub(super) fn is_number(text: &str) -> bool {
    Cursor::new(text).number().is_ok_and(|number| number.len() == text.len())
}

/// A place in a text.
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
    /// The last text that had escapes, without them.
    unescaped: String,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, unescaped: String::new() }
    }

    /// What the next value is.
    #[inline]
    pub(super) fn kind(&mut self) -> Result<Kind, Misfit> {
        match self.next_byte() {
            Some(b'"') => Ok(Kind::Text),
            Some(b'-' | b'0'..=b'9') => Ok(Kind::Number),
            Some(b'{') => Ok(Kind::Object),
            Some(b'[') => Ok(Kind::Array),
            Some(b't' | b'f') => Ok(Kind::Boolean),
            Some(b'n') => Ok(Kind::Null),
            _ => Err(self.not_json()),
        }
    }

    pub(super) fn null(&mut self) -> Result<(), Misfit> {
        self.word("null")
    }

    pub(super) fn boolean(&mut self) -> Result<bool, Misfit> {
        let is_true = self.byte() == Some(b't');
        self.word(if is_true { "true" } else { "false" })?;
        Ok(is_true)
    }

    /// The number's own text: no digit is lost before the column is known.
    pub(super) fn number(&mut self) -> Result<&'a str, Misfit> {
        let start = self.at;
        self.take(b'-');
        let leads_with_zero = self.byte() == Some(b'0');
        let whole = self.digits()?;
        if leads_with_zero && whole > 1 {
            return Err(self.not_json());
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Ok(&self.text[start..self.at])
    }

    /// A text, without its quotes and escapes.
    #[inline]
    pub(super) fn text(&mut self) -> Result<&str, Misfit> {
        if self.next_byte() != Some(b'"') {
            return Err(self.not_json());
        }
        self.at += 1;
        let start = self.at;
        match self.plain()? {
            b'"' => {
                self.at += 1;
                Ok(&self.text[start..self.at - 1])
            }
            _ => self.text_with_escapes(start),
        }
    }

    /// Enters an array or object.
    pub(super) fn enter(&mut self) {
        self.at += 1;
    }

    /// Goes to the next entry of an array or object; false if `end` is there, which it passes.
    #[inline]
    pub(super) fn advance(&mut self, end: u8, is_first: bool) -> Result<bool, Misfit> {
        match self.next_byte() {
            Some(byte) if byte == end => {
                self.at += 1;
                Ok(false)
            }
            Some(b',') if !is_first => {
                self.at += 1;
                Ok(true)
            }
            Some(_) if is_first => Ok(true),
            _ => Err(self.not_json()),
        }
    }

    /// Passes the colon after a name.
    pub(super) fn colon(&mut self) -> Result<(), Misfit> {
        match self.next_byte() {
            Some(b':') => {
                self.at += 1;
                Ok(())
            }
            _ => Err(self.not_json()),
        }
    }

    /// Fails if anything but white space is left.
    pub(super) fn end(&mut self) -> Result<(), Misfit> {
        match self.next_byte() {
            None => Ok(()),
            Some(_) => Err(Misfit::new("the row is not exactly one JSON object")),
        }
    }

    fn text_with_escapes(&mut self, start: usize) -> Result<&str, Misfit> {
        self.unescaped.clear();
        self.unescaped.push_str(&self.text[start..self.at]);
        loop {
            let start = self.at;
            let end = self.plain()?;
            self.unescaped.push_str(&self.text[start..self.at]);
            self.at += 1;
            match end {
                b'"' => return Ok(&self.unescaped),
                _ => {
                    let character = self.escape()?;
                    self.unescaped.push(character);
                }
            }
        }
    }

    /// Goes to the next quote or backslash, and returns which.
    #[inline]
    fn plain(&mut self) -> Result<u8, Misfit> {
        let rest = &self.text.as_bytes()[self.at..];
        // Control characters end a text, too: JSON wants them escaped.
        let length = rest.iter().position(|&byte| byte == b'"' || byte == b'\\' || byte < 0x20);
        self.at += length.unwrap_or(rest.len());
        match self.byte() {
            Some(byte @ (b'"' | b'\\')) => Ok(byte),
            _ => Err(self.not_json()),
        }
    }

    /// The character of the escape whose backslash was passed.
    fn escape(&mut self) -> Result<char, Misfit> {
        let byte = self.byte();
        self.at += 1;
        Ok(match byte {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            _ => return Err(self.not_json()),
        })
    }

    fn unicode_escape(&mut self) -> Result<char, Misfit> {
        let first = self.four_digits()?;
        let code = match first {
            0xd800..=0xdbff if self.text.as_bytes()[self.at..].starts_with(b"\\u") => {
                self.at += 2;
                let second = self.four_digits()?.checked_sub(0xdc00).filter(|&low| low < 0x400);
                second.map_or(first, |low| 0x1_0000 + ((first - 0xd800) << 10) + low)
            }
            _ => first,
        };
        // Half of a surrogate pair is not a character, and a table has no bytes for it.
        char::from_u32(code).ok_or_else(|| Misfit::new("the text has an escape of half a character"))
    }

    fn four_digits(&mut self) -> Result<u32, Misfit> {
        let digits = self.text.get(self.at..self.at + 4).filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()));
        let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).ok_or_else(|| self.not_json())?;
        self.at += 4;
        Ok(code)
    }

    fn word(&mut self, word: &str) -> Result<(), Misfit> {
        match self.text[self.at..].starts_with(word) {
            true => {
                self.at += word.len();
                Ok(())
            }
            false => Err(self.not_json()),
        }
    }

    /// How many digits it passed; at least one.
    fn digits(&mut self) -> Result<usize, Misfit> {
        let digits = self.text.as_bytes()[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += digits;
        match digits {
            0 => Err(self.not_json()),
            _ => Ok(digits),
        }
    }

    #[inline]
    fn take(&mut self, byte: u8) -> bool {
        let is_there = self.byte() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    #[inline]
    fn next_byte(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.byte() {
            self.at += 1;
        }
        self.byte()
    }

    #[inline]
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[cold]
    fn not_json(&self) -> Misfit {
        Misfit::new(format!("the row is not JSON at byte {}", self.at.min(self.text.len())))
    }
}
