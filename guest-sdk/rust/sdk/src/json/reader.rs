//! The position in the text, and what can be read there: punctuation, literals, strings, whole values to skip. Knows
//! nothing of serde.

use super::{DEPTH_MAX, Error, scan};

/// Reads a text from its beginning to its end.
pub(super) struct Reader<'de> {
    pub(super) text: &'de [u8],
    /// The next byte to read.
    pub(super) at: usize,
    /// Arrays and objects that are open.
    depth: u8,
    /// Where strings with escapes are put together.
    unescaped: Vec<u8>,
}

/// A string as read.
pub(super) enum Text<'de, 'reader> {
    /// It stands in the text as it is.
    Borrowed(&'de str),
    /// It had escapes.
    Unescaped(&'reader str),
}

impl<'de> Reader<'de> {
    #[inline]
    pub(super) fn new(text: &'de [u8]) -> Self {
        Self { text, at: 0, depth: 0, unescaped: Vec::new() }
    }

    /// Nothing may follow but white space.
    #[inline]
    pub(super) fn end(&mut self) -> Result<(), Error> {
        self.white_space();
        if self.at < self.text.len() { Err(self.syntax("expected the end")) } else { Ok(()) }
    }

    #[cold]
    pub(super) fn syntax(&self, what: &str) -> Error {
        if self.text.is_empty() {
            return Error::syntax("the value is empty", 0);
        }
        match self.at < self.text.len() {
            true => Error::syntax(what, self.at),
            false => Error::syntax(&format!("{what}, but the text ends"), self.at),
        }
    }

    #[inline]
    pub(super) fn peek_byte(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// The next byte that is not white space; 0 at the end, which begins nothing.
    #[inline]
    pub(super) fn peek(&mut self) -> u8 {
        match self.peek_byte() {
            Some(byte) if byte > b' ' => byte,
            _ => {
                self.white_space();
                self.peek_byte().unwrap_or(0)
            }
        }
    }

    fn white_space(&mut self) {
        const SPACES: &[u8; 8] = b"        ";
        while let Some(byte) = self.peek_byte() {
            if self.text[self.at..].starts_with(SPACES) {
                self.at += SPACES.len();
            } else if matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                self.at += 1;
            } else {
                break;
            }
        }
    }

    /// Passes `byte` if it is next.
    #[inline]
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek_byte() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Passes white space and `byte`, which must be next.
    #[inline]
    pub(super) fn expect(&mut self, byte: u8, what: &str) -> Result<(), Error> {
        if self.peek() != byte {
            return Err(self.syntax(what));
        }
        self.at += 1;
        Ok(())
    }

    /// Passes `true`, `false` or `null`.
    #[inline]
    pub(super) fn literal(&mut self, literal: &str) -> Result<(), Error> {
        if !self.text[self.at..].starts_with(literal.as_bytes()) {
            return Err(self.syntax("expected a value"));
        }
        self.at += literal.len();
        Ok(())
    }

    /// Passes the bracket that opens an array or object.
    #[inline]
    pub(super) fn open(&mut self) -> Result<(), Error> {
        if self.depth == DEPTH_MAX {
            return Err(Error::syntax("nested deeper than 128 levels", self.at));
        }
        self.depth += 1;
        self.at += 1;
        Ok(())
    }

    /// Passes the bracket that closes it.
    #[inline]
    pub(super) fn close(&mut self) {
        self.depth -= 1;
        self.at += 1;
    }

    /// Moves on to the next item of what `closing` closes; `false` if that was next, and is passed.
    #[inline]
    pub(super) fn next_item(&mut self, first: bool, closing: u8) -> Result<bool, Error> {
        let byte = self.peek();
        if byte == closing {
            self.close();
            return Ok(false);
        }
        if !first {
            if byte != b',' {
                return Err(self.syntax(if closing == b']' { "expected `,` or `]`" } else { "expected `,` or `}`" }));
            }
            self.at += 1;
            self.peek();
        }
        Ok(true)
    }

    /// Reads the string that begins here with its quote.
    #[inline]
    pub(super) fn string(&mut self) -> Result<Text<'de, '_>, Error> {
        let start = self.at + 1;
        let run = scan::run(self.text, start);
        if self.text.get(run.end) != Some(&b'"') {
            return self.string_with_escapes();
        }
        self.at = run.end + 1;
        checked(&self.text[start..run.end], run.ascii, start).map(Text::Borrowed)
    }

    #[cold]
    fn string_with_escapes(&mut self) -> Result<Text<'de, '_>, Error> {
        self.at += 1;
        self.unescaped.clear();
        loop {
            let run = scan::run(self.text, self.at);
            let plain = checked(&self.text[self.at..run.end], run.ascii, self.at)?;
            self.unescaped.extend_from_slice(plain.as_bytes());
            self.at = run.end;
            match self.peek_byte() {
                Some(b'"') => break,
                Some(b'\\') => self.escape()?,
                Some(_) => return Err(self.syntax("a control character in a string")),
                None => return Err(self.syntax("expected `\"`")),
            }
        }
        self.at += 1;
        // Runs are checked above, and escapes are encoded from chars.
        std::str::from_utf8(&self.unescaped).map(Text::Unescaped).map_err(|_| Error::utf8(self.at))
    }

    fn escape(&mut self) -> Result<(), Error> {
        self.at += 1;
        let plain = match self.peek_byte() {
            Some(b'u') => {
                let unescaped = self.unicode_escape()?;
                self.unescaped.extend_from_slice(unescaped.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(());
            }
            Some(same @ (b'"' | b'\\' | b'/')) => same,
            Some(b'b') => 0x08,
            Some(b'f') => 0x0c,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            _ => return Err(self.syntax("an unknown escape in a string")),
        };
        self.at += 1;
        self.unescaped.push(plain);
        Ok(())
    }

    /// `uD83D\uDE00`: characters beyond 16 bits are written as two.
    fn unicode_escape(&mut self) -> Result<char, Error> {
        let first = self.four_hex_digits()?;
        let code = match first {
            0xd800..0xdc00 if self.text[self.at..].starts_with(b"\\u") => {
                self.at += 1;
                let second = self.four_hex_digits()?;
                match second {
                    0xdc00..0xe000 => 0x1_0000 + ((first - 0xd800) << 10 | (second - 0xdc00)),
                    _ => first,
                }
            }
            _ => first,
        };
        char::from_u32(code).ok_or_else(|| self.syntax("half of a surrogate pair in a string"))
    }

    /// Passes `u` and the digits.
    fn four_hex_digits(&mut self) -> Result<u32, Error> {
        let digits =
            self.text.get(self.at + 1..self.at + 5).ok_or_else(|| self.syntax("expected four hexadecimal digits"))?;
        let mut code = 0;
        for &digit in digits {
            code = code << 4
                | char::from(digit).to_digit(16).ok_or_else(|| self.syntax("expected four hexadecimal digits"))?;
        }
        self.at += 5;
        Ok(code)
    }

    /// Passes a whole value, and checks it all the same.
    pub(super) fn skip(&mut self) -> Result<(), Error> {
        match self.peek() {
            b'"' => self.string().map(drop),
            b'-' | b'0'..=b'9' => self.number().map(drop),
            b't' => self.literal("true"),
            b'f' => self.literal("false"),
            b'n' => self.literal("null"),
            b'[' => {
                self.open()?;
                let mut first = true;
                while self.next_item(first, b']')? {
                    self.skip()?;
                    first = false;
                }
                Ok(())
            }
            b'{' => {
                self.open()?;
                let mut first = true;
                while self.next_item(first, b'}')? {
                    self.key()?;
                    self.expect(b':', "expected `:`")?;
                    self.skip()?;
                    first = false;
                }
                Ok(())
            }
            _ => Err(self.syntax("expected a value")),
        }
    }

    /// Reads the key of an object's member.
    #[inline]
    pub(super) fn key(&mut self) -> Result<Text<'de, '_>, Error> {
        if self.peek_byte() != Some(b'"') {
            return Err(self.syntax("expected a key"));
        }
        self.string()
    }
}

/// The bytes of a string as text.
#[inline]
fn checked(bytes: &[u8], ascii: bool, at: usize) -> Result<&str, Error> {
    if ascii {
        #[expect(unsafe_code, reason = "checking short strings again costs a tenth of reading a record")]
        // SAFETY: the scanner saw no byte beyond ASCII, and ASCII is UTF-8.
        return Ok(unsafe { std::str::from_utf8_unchecked(bytes) });
    }
    std::str::from_utf8(bytes).map_err(|error| Error::utf8(at + error.valid_up_to()))
}
