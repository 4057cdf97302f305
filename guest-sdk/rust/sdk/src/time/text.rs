//! Dates and times as text: ISO 8601, in the narrow form of RFC 3339.

use std::fmt;

use super::{Date, MICROSECONDS_PER_DAY, MICROSECONDS_PER_SECOND};
use crate::reject::Reject;

#[cold]
pub(super) fn invalid(expected: &str) -> Reject {
    Reject::new("invalid_value", format!("expected {expected}"))
}

#[inline]
pub(super) fn two_digits(text: &[u8], at: usize) -> Option<u8> {
    let (tens, ones) = (text[at].wrapping_sub(b'0'), text[at + 1].wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| tens * 10 + ones)
}

/// `2024-02-29` at the beginning of the text.
#[inline]
pub(super) fn date(text: &[u8]) -> Option<Date> {
    let text: &[u8; 10] = text.first_chunk()?;
    let (century, year) = (two_digits(text, 0)?, two_digits(text, 2)?);
    let (month, day) = (two_digits(text, 5)?, two_digits(text, 8)?);
    if text[4] != b'-' || text[7] != b'-' {
        return None;
    }
    Date::new(u16::from(century) * 100 + u16::from(year), month, day)
}

/// `2024-02-29T12:30:00.5` at the beginning of the text, as microseconds since 1970-01-01T00:00:00; and what follows.
#[inline]
pub(super) fn date_time(text: &[u8]) -> Option<(i64, &[u8])> {
    let date = date(text)?;
    let time: &[u8; 9] = text.get(10..)?.first_chunk()?;
    let (hour, minute, second) = (two_digits(time, 1)?, two_digits(time, 4)?, two_digits(time, 7)?);
    let well_formed = matches!(time[0], b'T' | b't' | b' ') && time[3] == b':' && time[6] == b':';
    if !well_formed || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (fraction_microseconds, rest) = fraction(&text[19..])?;
    let seconds = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
    let microseconds = i64::from(date.days()) * MICROSECONDS_PER_DAY + seconds * MICROSECONDS_PER_SECOND;
    Some((microseconds + fraction_microseconds, rest))
}

/// `.5` → 500,000 µs; and what follows.
#[inline]
fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let Some(digits) = text.strip_prefix(b".") else { return Some((0, text)) };
    let len = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let kept = digits[..len.min(6)].iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    (len > 0).then(|| (kept * 10_i64.pow(6 - len.min(6) as u32), &digits[len..]))
}

/// `2024-02-29T12:30:00.500`
pub(super) fn write_date_time(f: &mut fmt::Formatter<'_>, microseconds: i64) -> fmt::Result {
    let date = Date::from_days(microseconds.div_euclid(MICROSECONDS_PER_DAY) as i32);
    let of_day = microseconds.rem_euclid(MICROSECONDS_PER_DAY);
    let (seconds, fraction) = (of_day / MICROSECONDS_PER_SECOND, of_day % MICROSECONDS_PER_SECOND);
    write!(f, "{date}T{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
    if fraction % 1_000 != 0 {
        write!(f, ".{fraction:06}")?;
    } else if fraction != 0 {
        write!(f, ".{:03}", fraction / 1_000)?;
    }
    Ok(())
}

/// Serde reads and writes the type as its text.
macro_rules! as_text {
    ($rust:ident) => {
        impl serde::Serialize for $rust {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $rust {
            #[inline]
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;

                impl serde::de::Visitor<'_> for Visitor {
                    type Value = $rust;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($rust::EXPECTED)
                    }

                    #[inline]
                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$rust, E> {
                        $rust::parse(text).map_err(|reject| E::custom(reject.message()))
                    }
                }

                deserializer.deserialize_str(Visitor)
            }
        }
    };
}
pub(super) use as_text;
