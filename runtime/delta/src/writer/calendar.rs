//! Days and instants as text, for the years that every reader of Delta can parse: 1 to 9999. Pure.

use chrono::{DateTime, NaiveDateTime};

/// 0001-01-01 and 9999-12-31, in days since 1970-01-01.
const DAYS: std::ops::RangeInclusive<i64> = -719_162..=2_932_896;
const MICROSECONDS_A_DAY: i64 = 86_400_000_000;

/// Whether readers can parse the day.
pub(super) fn has_day(days: i64) -> bool {
    DAYS.contains(&days)
}

/// Whether readers can parse the instant or local time.
pub(super) fn has_time(microseconds: i64) -> bool {
    DAYS.contains(&microseconds.div_euclid(MICROSECONDS_A_DAY))
}

/// A date as text; none outside the years 1 to 9999.
pub(super) fn date(days: i64) -> Option<String> {
    let at = has_day(days).then(|| DateTime::from_timestamp(days * 86_400, 0))??;
    Some(at.format("%Y-%m-%d").to_string())
}

/// An instant or local time; none outside the years 1 to 9999.
pub(super) fn time(microseconds: i64) -> Option<NaiveDateTime> {
    has_time(microseconds).then(|| DateTime::from_timestamp_micros(microseconds))?.map(|at| at.naive_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_years_1_and_9999_are_the_edges() {
        assert_eq!(date(-719_162).as_deref(), Some("0001-01-01"));
        assert_eq!(date(2_932_896).as_deref(), Some("9999-12-31"));
        assert_eq!([date(-719_163), date(2_932_897), date(i64::from(i32::MAX))], [None, None, None]);
        let end = 2_932_897 * MICROSECONDS_A_DAY;
        assert_eq!(time(end - 1).map(|at| at.to_string()).as_deref(), Some("9999-12-31 23:59:59.999999"));
        assert_eq!([time(end), time(i64::MAX), time(i64::MIN)], [None, None, None]);
        assert_eq!(time(-1).map(|at| at.to_string()).as_deref(), Some("1969-12-31 23:59:59.999999"));
    }
}
