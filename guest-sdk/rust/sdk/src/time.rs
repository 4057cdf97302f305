//! Dates and points in time, as Delta stores them. No time zones, no clock: a transform has none.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::reject::Reject;

const MICROSECONDS_PER_SECOND: i64 = 1_000_000;
const MICROSECONDS_PER_DAY: i64 = 86_400 * MICROSECONDS_PER_SECOND;

/// A day of the Gregorian calendar; `date` in Delta.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    days: i32,
}

impl Date {
    /// The day so many days after 1970-01-01.
    #[must_use]
    pub const fn from_days(days: i32) -> Self {
        Self { days }
    }

    /// Days since 1970-01-01.
    #[must_use]
    pub const fn days(self) -> i32 {
        self.days
    }

    /// The day of a year (0 to 9999), month and day of the month; `None` if there is no such day.
    #[must_use]
    pub const fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        if year > 9999 || month < 1 || month > 12 || day < 1 || day > days_of_month(year, month) {
            return None;
        }
        // Howard Hinnant's days_from_civil: years begin in March, so that the leap day comes last.
        let year = year as i32 - (month <= 2) as i32;
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let month_from_march = (month as i32 + 9) % 12;
        let day_of_year = (153 * month_from_march + 2) / 5 + day as i32 - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        Some(Self { days: era * 146_097 + day_of_era - 719_468 })
    }

    /// Year, month and day of the month.
    #[must_use]
    pub const fn civil(self) -> (i32, u8, u8) {
        // Howard Hinnant's civil_from_days, the inverse of the above.
        let days = self.days as i64 + 719_468;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = (day_of_year - (153 * month_from_march + 2) / 5 + 1) as u8;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 } as u8;
        ((year_of_era + era * 400) as i32 + (month <= 2) as i32, month, day)
    }

    /// Reads `2024-02-29`.
    ///
    /// # Errors
    /// `invalid_value` where the text is not such a date.
    pub fn parse(text: &str) -> Result<Self, Reject> {
        date(text.as_bytes()).filter(|_| text.len() == 10).ok_or_else(|| invalid(Self::EXPECTED))
    }

    const EXPECTED: &str = "a date such as `2024-02-29`";
}

const fn days_of_month(year: u16, month: u8) -> u8 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

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
        Date { days: self.microseconds.div_euclid(MICROSECONDS_PER_DAY) as i32 }
    }

    /// Reads RFC 3339, such as `2024-02-29T12:30:00.5+01:00`; a space may stand for the `T`. Digits beyond the microsecond
    /// are dropped.
    ///
    /// # Errors
    /// `invalid_value` where the text is not such a time; one without an offset from UTC is not.
    pub fn parse(text: &str) -> Result<Self, Reject> {
        timestamp(text.as_bytes()).ok_or_else(|| invalid(Self::EXPECTED))
    }

    const EXPECTED: &str = "a time such as `2024-02-29T12:30:00Z`";
}

#[cold]
fn invalid(expected: &str) -> Reject {
    Reject::new("invalid_value", format!("expected {expected}"))
}

#[inline]
fn two_digits(text: &[u8], at: usize) -> Option<u8> {
    let (tens, ones) = (text[at].wrapping_sub(b'0'), text[at + 1].wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then_some(tens * 10 + ones)
}

/// `2024-02-29` at the beginning of the text.
#[inline]
fn date(text: &[u8]) -> Option<Date> {
    let text: &[u8; 10] = text.first_chunk()?;
    let (century, year) = (two_digits(text, 0)?, two_digits(text, 2)?);
    let (month, day) = (two_digits(text, 5)?, two_digits(text, 8)?);
    if text[4] != b'-' || text[7] != b'-' {
        return None;
    }
    Date::new(u16::from(century) * 100 + u16::from(year), month, day)
}

#[inline]
fn timestamp(text: &[u8]) -> Option<Timestamp> {
    let date = date(text)?;
    let time: &[u8; 9] = text.get(10..)?.first_chunk()?;
    let (hour, minute, second) = (two_digits(time, 1)?, two_digits(time, 4)?, two_digits(time, 7)?);
    let well_formed = matches!(time[0], b'T' | b't' | b' ') && time[3] == b':' && time[6] == b':';
    if !well_formed || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (fraction_microseconds, rest) = fraction(&text[19..])?;
    let seconds = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second) - offset_seconds(rest)?;
    let microseconds =
        i64::from(date.days) * MICROSECONDS_PER_DAY + seconds * MICROSECONDS_PER_SECOND + fraction_microseconds;
    Some(Timestamp { microseconds })
}

/// `.5` → 500,000 µs; and what follows.
#[inline]
fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let Some(digits) = text.strip_prefix(b".") else { return Some((0, text)) };
    let len = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let kept = digits[..len.min(6)].iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    (len > 0).then(|| (kept * 10_i64.pow(6 - len.min(6) as u32), &digits[len..]))
}

/// `Z`, `+01:00`
#[inline]
fn offset_seconds(text: &[u8]) -> Option<i64> {
    match text {
        b"Z" | b"z" => Some(0),
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let (hours, minutes) = (two_digits(text, 1)?, two_digits(text, 4)?);
            let seconds = i64::from(hours) * 3600 + i64::from(minutes) * 60;
            (hours < 24 && minutes < 60).then_some(if *sign == b'-' { -seconds } else { seconds })
        }
        _ => None,
    }
}

impl From<Date> for i32 {
    fn from(date: Date) -> i32 {
        date.days
    }
}

impl From<Timestamp> for i64 {
    fn from(timestamp: Timestamp) -> i64 {
        timestamp.microseconds
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of_day = self.microseconds.rem_euclid(MICROSECONDS_PER_DAY);
        let (seconds, microseconds) = (of_day / MICROSECONDS_PER_SECOND, of_day % MICROSECONDS_PER_SECOND);
        write!(f, "{}T{:02}:{:02}:{:02}", self.date(), seconds / 3600, seconds / 60 % 60, seconds % 60)?;
        if microseconds % 1_000 != 0 {
            write!(f, ".{microseconds:06}")?;
        } else if microseconds != 0 {
            write!(f, ".{:03}", microseconds / 1_000)?;
        }
        f.write_str("Z")
    }
}

macro_rules! as_text {
    ($($rust:ident),*) => {$(
        impl Serialize for $rust {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $rust {
            #[inline]
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;

                impl de::Visitor<'_> for Visitor {
                    type Value = $rust;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($rust::EXPECTED)
                    }

                    #[inline]
                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$rust, E> {
                        $rust::parse(text).map_err(|reject| E::custom(reject.message()))
                    }
                }

                deserializer.deserialize_str(Visitor)
            }
        }
    )*};
}

as_text!(Date, Timestamp);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_ten_millennia_comes_back() {
        let first = Date::new(0, 1, 1).expect("it exists").days();
        let last = Date::new(9999, 12, 31).expect("it exists").days();
        for days in first..=last {
            let (year, month, day) = Date::from_days(days).civil();
            assert_eq!(Date::new(year as u16, month, day), Some(Date::from_days(days)));
        }
        assert_eq!(last - first + 1, 3_652_425, "days of 10,000 Gregorian years");
    }

    #[test]
    fn dates_that_do_not_exist_are_refused() {
        for text in [
            "2023-02-29",
            "1900-02-29",
            "2024-00-10",
            "2024-13-01",
            "2024-04-31",
            "2024-4-01",
            "2024-04-01Z",
            "",
            "２024-01-01",
        ] {
            assert!(Date::parse(text).is_err(), "{text}");
        }
        assert_eq!(Date::parse("2024-02-29").map(|date| date.to_string()), Ok("2024-02-29".to_owned()));
        assert_eq!(Date::parse("1970-01-01"), Ok(Date::from_days(0)));
    }

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
