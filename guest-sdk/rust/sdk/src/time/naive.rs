//! A date and a time of day without a zone.

use std::fmt;

use super::{Date, MICROSECONDS_PER_DAY, text};
use crate::reject::Reject;

/// A date and a time of day in an unnamed zone, in microseconds; `timestamp_ntz` in Delta. It is not a point in time: where
/// the zone is known, convert it to a [`Timestamp`](crate::Timestamp).
///
/// ```
/// # use sluicebox::NaiveTimestamp;
/// let opening = NaiveTimestamp::parse("2024-02-29T09:00:00")?;
/// assert_eq!(opening.date().to_string(), "2024-02-29");
/// assert!(NaiveTimestamp::parse("2024-02-29T09:00:00Z").is_err(), "UTC is a zone");
/// # Ok::<(), sluicebox::Reject>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NaiveTimestamp {
    microseconds: i64,
}

impl NaiveTimestamp {
    /// So many microseconds after 1970-01-01T00:00:00 of the same zone.
    #[must_use]
    pub const fn from_microseconds(microseconds: i64) -> Self {
        Self { microseconds }
    }

    /// Microseconds since 1970-01-01T00:00:00 of the same zone.
    #[must_use]
    pub const fn microseconds(self) -> i64 {
        self.microseconds
    }

    /// The day.
    #[must_use]
    pub const fn date(self) -> Date {
        Date::from_days(self.microseconds.div_euclid(MICROSECONDS_PER_DAY) as i32)
    }

    /// Reads `2024-02-29T12:30:00.5`; a space may stand for the `T`. Digits beyond the microsecond are dropped.
    ///
    /// # Errors
    /// `invalid_value` where the text is not such a time; one with an offset from UTC is not.
    pub fn parse(time: &str) -> Result<Self, Reject> {
        match text::date_time(time.as_bytes()) {
            Some((microseconds, b"")) => Ok(Self { microseconds }),
            _ => Err(text::invalid(Self::EXPECTED)),
        }
    }

    const EXPECTED: &str = "a time without zone such as `2024-02-29T12:30:00`";
}

impl From<NaiveTimestamp> for i64 {
    fn from(timestamp: NaiveTimestamp) -> i64 {
        timestamp.microseconds
    }
}

impl fmt::Display for NaiveTimestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::write_date_time(f, self.microseconds)
    }
}

text::as_text!(NaiveTimestamp);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_with_a_zone_are_refused() {
        for text in ["2024-02-29T12:30:00Z", "2024-02-29T12:30:00+01:00", "2024-02-29", "2024-02-29T12:30:00.", ""] {
            let error = NaiveTimestamp::parse(text).expect_err(text);
            assert!(error.message().contains("a time without zone"), "{error}");
        }
    }

    proptest::proptest! {
        /// From 0000-01-01 to 9999-12-31, the years that the text has room for.
        #[test]
        fn what_is_shown_is_read_again(microseconds in -62_167_219_200_000_000_i64..253_402_300_800_000_000) {
            let time = NaiveTimestamp::from_microseconds(microseconds);
            proptest::prop_assert_eq!(NaiveTimestamp::parse(&time.to_string()), Ok(time));
            let json = serde_json::to_vec(&time).expect("it serialises");
            proptest::prop_assert_eq!(crate::json::from_slice::<NaiveTimestamp>(&json).ok(), Some(time));
            let utc = crate::Timestamp::from_microseconds(microseconds);
            proptest::prop_assert_eq!(format!("{time}Z"), utc.to_string());
        }
    }
}
