//! A point in time, UTC.

use std::fmt;

use super::{Date, MICROSECONDS_PER_DAY, MICROSECONDS_PER_SECOND, text};
use crate::reject::Reject;

/// A point in time in microseconds, UTC; `timestamp` in Delta.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    microseconds: i64,
}

impl Timestamp {
    /// The point so many microseconds after 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn from_microseconds(microseconds: i64) -> Self {
        Self { microseconds }
    }

    /// The point so many milliseconds after 1970-01-01T00:00:00Z; the last or first possible one where there is none.
    #[must_use]
    pub const fn from_milliseconds(milliseconds: i64) -> Self {
        Self { microseconds: milliseconds.saturating_mul(1_000) }
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn microseconds(self) -> i64 {
        self.microseconds
    }

    /// The day that it falls on, in UTC.
    #[must_use]
    pub const fn date(self) -> Date {
        Date::from_days(self.microseconds.div_euclid(MICROSECONDS_PER_DAY) as i32)
    }

    /// Reads RFC 3339, such as `2024-02-29T12:30:00.5+01:00`; a space may stand for the `T`. Digits beyond the microsecond
    /// are dropped.
    ///
    /// # Errors
    /// `invalid_value` where the text is not such a time; one without an offset from UTC is not.
    pub fn parse(time: &str) -> Result<Self, Reject> {
        read(time.as_bytes()).ok_or_else(|| text::invalid(Self::EXPECTED))
    }

    const EXPECTED: &str = "a time such as `2024-02-29T12:30:00Z`";
}

#[inline]
fn read(time: &[u8]) -> Option<Timestamp> {
    let (local, offset) = text::date_time(time)?;
    Some(Timestamp { microseconds: local - offset_seconds(offset)? * MICROSECONDS_PER_SECOND })
}

/// `Z`, `+01:00`
#[inline]
fn offset_seconds(offset: &[u8]) -> Option<i64> {
    match offset {
        b"Z" | b"z" => Some(0),
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let (hours, minutes) = (text::two_digits(offset, 1)?, text::two_digits(offset, 4)?);
            let seconds = i64::from(hours) * 3600 + i64::from(minutes) * 60;
            (hours < 24 && minutes < 60).then_some(if *sign == b'-' { -seconds } else { seconds })
        }
        _ => None,
    }
}

impl From<Timestamp> for i64 {
    fn from(timestamp: Timestamp) -> i64 {
        timestamp.microseconds
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::write_date_time(f, self.microseconds)?;
        f.write_str("Z")
    }
}

text::as_text!(Timestamp);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_to_the_microsecond_in_utc() {
        for (text, shown) in [
            ("2024-02-29T12:30:00Z", "2024-02-29T12:30:00Z"),
            ("2024-02-29t00:30:00.5+01:00", "2024-02-28T23:30:00.500Z"),
            ("2024-02-29 12:30:00.123456789-00:30", "2024-02-29T13:00:00.123456Z"),
            ("1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(Timestamp::parse(text).map(|time| time.to_string()), Ok(shown.to_owned()));
        }
        assert_eq!(Timestamp::from_milliseconds(-1).date(), Date::from_days(-1));
    }

    #[test]
    fn times_that_do_not_exist_are_refused() {
        for text in [
            "2024-02-29T12:30:00",
            "2024-02-29T24:00:00Z",
            "2024-02-29T12:60:00Z",
            "2024-02-29T12:30:61Z",
            "2024-02-29T12:30:00.Z",
            "2024-02-29T12:30:00+24:00",
            "2024-02-29T12:30:00+0100",
            "2024-02-29T12:30Z",
            "2024-02-29",
            "2024-02-29T12:30:00ZZ",
            "",
        ] {
            assert!(Timestamp::parse(text).is_err(), "{text}");
        }
    }
}
