//! A day of the Gregorian calendar.

use std::fmt;

use super::text;
use crate::reject::Reject;

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
    pub fn parse(date: &str) -> Result<Self, Reject> {
        text::date(date.as_bytes()).filter(|_| date.len() == 10).ok_or_else(|| text::invalid(Self::EXPECTED))
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

impl From<Date> for i32 {
    fn from(date: Date) -> i32 {
        date.days
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

text::as_text!(Date);

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
}
