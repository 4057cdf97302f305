//! Numbers: whole ones exactly, others rounded to the nearest float.

use super::{Error, reader::Reader, scan};

/// A number as read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    Unsigned(u64),
    /// Below zero.
    Negative(i64),
    Float(f64),
    /// Whole, and zero with a minus: a whole number where one is asked for, else the float that it is.
    MinusZero,
}

/// A float divides or multiplies exactly by these.
const EXACT_POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// A u64 holds any number of so many digits.
const DIGITS_MAX: usize = 19;

/// A number's text taken apart.
struct Parts {
    negative: bool,
    /// All digits of the mantissa as one whole number; wrong where `digits` is above `DIGITS_MAX`.
    mantissa: u64,
    digits: usize,
    fraction_digits: usize,
    exponent: Option<i32>,
}

impl<'de> Reader<'de> {
    /// Reads the number that begins here.
    #[inline]
    pub(super) fn number(&mut self) -> Result<Number, Error> {
        let start = self.at;
        let parts = self.number_parts()?;
        if parts.fraction_digits == 0 && parts.exponent.is_none() && parts.digits <= DIGITS_MAX {
            if !parts.negative {
                return Ok(Number::Unsigned(parts.mantissa));
            }
            if parts.mantissa == 0 {
                return Ok(Number::MinusZero);
            }
            if let Some(number) = 0_i64.checked_sub_unsigned(parts.mantissa) {
                return Ok(Number::Negative(number));
            }
        }
        self.float(start, &parts)
    }

    /// Passes the number that begins here; its text, which is ASCII.
    #[inline]
    pub(super) fn number_text(&mut self) -> Result<&'de [u8], Error> {
        let start = self.at;
        self.number_parts()?;
        Ok(&self.text[start..self.at])
    }

    fn float(&self, start: usize, parts: &Parts) -> Result<Number, Error> {
        let exponent = i64::from(parts.exponent.unwrap_or(0)) - parts.fraction_digits as i64;
        if parts.digits <= DIGITS_MAX
            && parts.mantissa <= 1 << 53
            && exponent.unsigned_abs() < EXACT_POWERS.len() as u64
        {
            let power = EXACT_POWERS[exponent.unsigned_abs() as usize];
            let mantissa = parts.mantissa as f64;
            let magnitude = if exponent < 0 { mantissa / power } else { mantissa * power };
            return Ok(Number::Float(if parts.negative { -magnitude } else { magnitude }));
        }
        self.long_number(start, parts)
    }

    /// Numbers of 20 digits and more, and floats that one multiplication would not round correctly.
    #[cold]
    fn long_number(&self, start: usize, parts: &Parts) -> Result<Number, Error> {
        let text = ascii(&self.text[start..self.at]);
        if parts.fraction_digits == 0
            && parts.exponent.is_none()
            && let Ok(number) = text.parse()
        {
            return Ok(Number::Unsigned(number));
        }
        match text.parse::<f64>() {
            Ok(float) if float.is_finite() => Ok(Number::Float(float)),
            _ => Err(Error::data("the number is out of range")),
        }
    }

    /// `-` whole `.` fraction `e` exponent
    #[inline]
    fn number_parts(&mut self) -> Result<Parts, Error> {
        let negative = self.take(b'-');
        let leading_zero = self.peek_byte() == Some(b'0');
        let (whole_digits, mut mantissa) = self.digits(0)?;
        if leading_zero && whole_digits > 1 {
            return Err(self.syntax("a number begins with a superfluous zero"));
        }
        let mut fraction_digits = 0;
        if self.take(b'.') {
            (fraction_digits, mantissa) = self.digits(mantissa)?;
        }
        let exponent = if self.take(b'e') || self.take(b'E') { Some(self.exponent()?) } else { None };
        Ok(Parts { negative, mantissa, digits: whole_digits + fraction_digits, fraction_digits, exponent })
    }

    /// Very large exponents are all alike: beyond what a float holds.
    fn exponent(&mut self) -> Result<i32, Error> {
        let negative = self.take(b'-');
        if !negative {
            self.take(b'+');
        }
        let (digits, sum) = self.digits(0)?;
        let magnitude = if digits > DIGITS_MAX { i32::MAX } else { i32::try_from(sum).unwrap_or(i32::MAX) };
        Ok(if negative { -magnitude } else { magnitude })
    }

    #[inline]
    fn digits(&mut self, sum: u64) -> Result<(usize, u64), Error> {
        let (len, sum) = scan::digits(self.text, self.at, sum);
        if len == 0 {
            return Err(self.syntax("expected a digit"));
        }
        self.at += len;
        Ok((len, sum))
    }
}

/// A number's text consists of ASCII only, so this cannot fail.
pub(super) fn ascii(text: &[u8]) -> &str {
    std::str::from_utf8(text).unwrap_or_default()
}
