//! Exact decimal numbers: money without rounding surprises.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::reject::Reject;

/// A decimal number of at most `PRECISION` digits, `SCALE` of them after the point; `decimal(PRECISION, SCALE)` in Delta.
///
/// It reads JSON numbers by their digits, never by way of a float, and JSON strings. A number that does not fit is an
/// error: nothing is rounded silently.
///
/// ```
/// # use sluicebox::Decimal;
/// let price: Decimal<12, 2> = "19.9".parse()?;
/// assert_eq!(price.to_string(), "19.90");
/// assert!("19.999".parse::<Decimal<12, 2>>().is_err());
/// # Ok::<(), sluicebox::Reject>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decimal<const PRECISION: u8, const SCALE: u8> {
    unscaled: i128,
}

impl<const PRECISION: u8, const SCALE: u8> Decimal<PRECISION, SCALE> {
    /// Zero.
    pub const ZERO: Self = Self { unscaled: 0 };

    const LIMIT: i128 = {
        assert!(PRECISION >= 1 && PRECISION <= 38, "a decimal has 1 to 38 digits");
        assert!(SCALE <= PRECISION, "a decimal has no more digits after the point than in all");
        10_i128.pow(PRECISION as u32)
    };

    /// The number `unscaled / 10^SCALE`; `None` if it has too many digits.
    #[must_use]
    pub const fn from_unscaled(unscaled: i128) -> Option<Self> {
        if unscaled > -Self::LIMIT && unscaled < Self::LIMIT { Some(Self { unscaled }) } else { None }
    }

    /// The number times `10^SCALE`.
    #[must_use]
    pub const fn unscaled(self) -> i128 {
        self.unscaled
    }

    /// Whether it is below zero.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.unscaled < 0
    }

    /// The sum; `None` if it has too many digits.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        Self::from_unscaled(self.unscaled + other.unscaled)
    }

    /// The difference; `None` if it has too many digits.
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        Self::from_unscaled(self.unscaled - other.unscaled)
    }

    /// The number times a whole number; `None` if it has too many digits.
    #[must_use]
    pub const fn checked_mul(self, factor: i64) -> Option<Self> {
        match self.unscaled.checked_mul(factor as i128) {
            Some(unscaled) => Self::from_unscaled(unscaled),
            None => None,
        }
    }

    /// Reads digits with an optional sign, point and exponent. Zeros that add nothing may follow.
    #[inline]
    fn read(text: &[u8]) -> Option<Self> {
        let (negative, digits) = match text {
            [b'-', rest @ ..] => (true, rest),
            _ => (false, text),
        };
        let magnitude = match short(digits, SCALE) {
            Some(magnitude) => i128::from(magnitude),
            None => long(digits, SCALE)?,
        };
        Self::from_unscaled(if negative { -magnitude } else { magnitude })
    }
}

/// Up to 18 digits without exponent, scaled up: what nearly every number is.
#[inline]
fn short(digits: &[u8], scale: u8) -> Option<u64> {
    if digits.len() > 19 || digits.is_empty() {
        return None;
    }
    let (mut magnitude, mut point) = (0_u64, None);
    for (index, byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => magnitude = magnitude * 10 + u64::from(byte - b'0'),
            b'.' if point.is_none() && index > 0 && index + 1 < digits.len() => point = Some(index),
            _ => return None,
        }
    }
    let fraction = point.map_or(0, |point| digits.len() - point - 1);
    let missing = usize::from(scale).checked_sub(fraction)?;
    // 19 digits fit into a u64; with 18 or fewer in all the product does too.
    if digits.len() + missing > 19 {
        return None;
    }
    Some(magnitude * 10_u64.pow(missing as u32))
}

/// Any number of digits, an exponent, zeros at the end.
#[cold]
fn long(text: &[u8], scale: u8) -> Option<i128> {
    let text = std::str::from_utf8(text).ok()?;
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((_, "")) => return None,
        Some((whole, fraction)) => (whole, fraction),
        None => (mantissa, ""),
    };
    if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }

    let digits = whole.bytes().chain(fraction.bytes()).map(|byte| i128::from(byte - b'0'));
    // How many digits of the mantissa count at this scale; beyond them only zeros may follow.
    let places = i64::try_from(whole.len()).ok()? + i64::from(exponent) + i64::from(scale);
    let mut magnitude = 0_i128;
    let mut taken = 0_i64;
    for digit in digits {
        if taken < places {
            magnitude = magnitude.checked_mul(10)?.checked_add(digit)?;
            taken += 1;
        } else if digit != 0 {
            return None;
        }
    }
    if magnitude == 0 {
        return Some(0);
    }
    magnitude.checked_mul(10_i128.checked_pow(u32::try_from((places - taken).max(0)).ok()?)?)
}

impl<const PRECISION: u8, const SCALE: u8> FromStr for Decimal<PRECISION, SCALE> {
    type Err = Reject;

    fn from_str(text: &str) -> Result<Self, Reject> {
        Self::read(text.as_bytes())
            .ok_or_else(|| Reject::new("invalid_value", format!("expected {}", Self::expected())))
    }
}

impl<const PRECISION: u8, const SCALE: u8> Decimal<PRECISION, SCALE> {
    fn expected() -> impl fmt::Display {
        fmt::from_fn(|f| {
            write!(f, "a decimal of at most {} digits before the point and {SCALE} after it", PRECISION - SCALE)
        })
    }
}

impl<const PRECISION: u8, const SCALE: u8> TryFrom<i64> for Decimal<PRECISION, SCALE> {
    type Error = Reject;

    fn try_from(whole: i64) -> Result<Self, Reject> {
        let unscaled = 10_i128.checked_pow(u32::from(SCALE)).and_then(|factor| factor.checked_mul(i128::from(whole)));
        unscaled
            .and_then(Self::from_unscaled)
            .ok_or_else(|| Reject::new("invalid_value", format!("expected {}", Self::expected())))
    }
}

impl<const PRECISION: u8, const SCALE: u8> fmt::Display for Decimal<PRECISION, SCALE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, magnitude) = (if self.is_negative() { "-" } else { "" }, self.unscaled.unsigned_abs());
        let factor = 10_u128.pow(u32::from(SCALE));
        write!(f, "{sign}{}", magnitude / factor)?;
        if SCALE > 0 {
            write!(f, ".{:0width$}", magnitude % factor, width = usize::from(SCALE))?;
        }
        Ok(())
    }
}

impl<const PRECISION: u8, const SCALE: u8> Serialize for Decimal<PRECISION, SCALE> {
    /// A string: JSON numbers lose digits in most readers.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, const PRECISION: u8, const SCALE: u8> Deserialize<'de> for Decimal<PRECISION, SCALE> {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(crate::json::NUMBER_TEXT, Visitor)
    }
}

/// `crate::json` hands over a number's text as bytes; other formats hand over the number.
struct Visitor<const PRECISION: u8, const SCALE: u8>;

impl<'de, const PRECISION: u8, const SCALE: u8> de::Visitor<'de> for Visitor<PRECISION, SCALE> {
    type Value = Decimal<PRECISION, SCALE>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Self::Value::expected())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        self.visit_bytes(text.as_bytes())
    }

    #[inline]
    fn visit_bytes<E: de::Error>(self, text: &[u8]) -> Result<Self::Value, E> {
        Decimal::read(text).ok_or_else(|| E::custom(format_args!("expected {}", Self::Value::expected())))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
        self.visit_str(&number.to_string())
    }

    /// The shortest digits that name the float: what its writer most likely meant.
    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Self::Value, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

#[cfg(test)]
mod tests;
