//! Dates and times as text: ISO 8601, in the narrow form of RFC 3339. Nothing is dropped and no zone is assumed. Pure.

use chrono::{Datelike as _, NaiveDate};

use super::misfit::Misfit;

/// From 0001-01-01, which chrono counts as day 1.
const DAYS_BEFORE_1970: i32 = 719_163;
const MICROSECONDS_A_DAY: i64 = 86_400_000_000;
const MICROSECONDS_A_SECOND: i64 = 1_000_000;

/// A date in days since 1970-01-01.
pub(super) fn date(text: &str) -> Result<i32, Misfit> {
    let Some(day) = leading_date(text.as_bytes()) else {
        return Err(Misfit::new("the text is not a date such as `2024-02-29`"));
    };
    match text.as_bytes().get(10) {
        None => Ok(day),
        Some(b'T' | b't' | b' ') => Err(Misfit::new("the text has a time of day, which a date would lose")),
        Some(_) => Err(Misfit::new("the text is not a date such as `2024-02-29`")),
    }
}

/// A point in time, in microseconds since 1970-01-01T00:00:00Z.
pub(super) fn timestamp(text: &str) -> Result<i64, Misfit> {
    let (local, zone) = date_time(text.as_bytes(), "the text is not a time such as `2024-02-29T12:30:00Z`")?;
    match zone {
        b"" => Err(Misfit::new("the text has no zone, such as `Z` or `+01:00`")),
        zone => match offset_seconds(zone) {
            Some(offset) => Ok(local - offset * MICROSECONDS_A_SECOND),
            None => Err(Misfit::new("the text is not a time such as `2024-02-29T12:30:00Z`")),
        },
    }
}

/// A date and a time of day in an unnamed zone, in microseconds since 1970-01-01T00:00:00 there.
pub(super) fn local_time(text: &str) -> Result<i64, Misfit> {
    const EXPECTED: &str = "the text is not a time without zone such as `2024-02-29T12:30:00`";
    let (local, zone) = date_time(text.as_bytes(), EXPECTED)?;
    match zone {
        b"" => Ok(local),
        zone if offset_seconds(zone).is_some() => Err(Misfit::new("the text has a zone, which the column would lose")),
        _ => Err(Misfit::new(EXPECTED)),
    }
}

/// `2024-02-29T12:30:00.5` at the beginning of the text, in microseconds, and what follows.
fn date_time<'a>(text: &'a [u8], expected: &'static str) -> Result<(i64, &'a [u8]), Misfit> {
    let invalid = || Misfit::new(expected);
    let day = leading_date(text).ok_or_else(invalid)?;
    let time: &[u8; 9] = text[10..].first_chunk().ok_or_else(invalid)?;
    if !matches!(time[0], b'T' | b't' | b' ') || time[3] != b':' || time[6] != b':' {
        return Err(invalid());
    }
    let [hour, minute, second] = [1, 4, 7].map(|at| two_digits(time, at));
    let hour = hour.filter(|&hour| hour < 24).ok_or_else(invalid)?;
    let minute = minute.filter(|&minute| minute < 60).ok_or_else(invalid)?;
    let second = second.filter(|&second| second < 61).ok_or_else(invalid)?;
    if second == 60 {
        return Err(Misfit::new("the text has a leap second, which a table cannot hold"));
    }
    let (fraction, zone) = fraction(&text[19..]).ok_or_else(invalid)??;
    let seconds = (hour * 60 + minute) * 60 + second;
    Ok((i64::from(day) * MICROSECONDS_A_DAY + seconds * MICROSECONDS_A_SECOND + fraction, zone))
}

/// `.5` → 500,000 µs, and what follows; none if there are no digits behind a point.
fn fraction(text: &[u8]) -> Option<Result<(i64, &[u8]), Misfit>> {
    let Some(digits) = text.strip_prefix(b".") else { return Some(Ok((0, text))) };
    let length = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = digits.split_at(length);
    let (kept, beyond) = digits.split_at(length.min(6));
    if beyond.iter().any(|&digit| digit != b'0') {
        return Some(Err(Misfit::new("the text has digits beyond the microsecond, which the column would lose")));
    }
    let kept = kept.iter().chain([&b'0'; 6]).take(6).fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    (length > 0).then_some(Ok((kept, rest)))
}

/// `2024-02-29` at the beginning of the text, in days since 1970-01-01.
fn leading_date(text: &[u8]) -> Option<i32> {
    let text: &[u8; 10] = text.first_chunk()?;
    let (century, year) = (two_digits(text, 0)?, two_digits(text, 2)?);
    let (month, day) = (two_digits(text, 5)?, two_digits(text, 8)?);
    if text[4] != b'-' || text[7] != b'-' {
        return None;
    }
    let year = i32::try_from(century * 100 + year).ok()?;
    let date = NaiveDate::from_ymd_opt(year, u32::try_from(month).ok()?, u32::try_from(day).ok()?)?;
    Some(date.num_days_from_ce() - DAYS_BEFORE_1970)
}

/// `Z`, `+01:00`
fn offset_seconds(zone: &[u8]) -> Option<i64> {
    match zone {
        b"Z" | b"z" => Some(0),
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let (hours, minutes) = (two_digits(zone, 1)?, two_digits(zone, 4)?);
            let seconds = (hours * 60 + minutes) * 60;
            (hours < 24 && minutes < 60).then_some(if *sign == b'-' { -seconds } else { seconds })
        }
        _ => None,
    }
}

fn two_digits(text: &[u8], at: usize) -> Option<i64> {
    let (tens, ones) = (text[at].wrapping_sub(b'0'), text[at + 1].wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| i64::from(tens * 10 + ones))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_dates_alone() {
        assert_eq!(date("1970-01-01").expect("fits"), 0);
        assert_eq!(date("0001-01-01").expect("fits"), -719_162);
        assert_eq!(date("9999-12-31").expect("fits"), 2_932_896);
        for text in [
            "2024-01-01T00:00:00Z",
            "2024-01-01T12:00:00Z",
            "2024-01-01 ",
            "2023-02-29",
            "10000-01-01",
            "+12024-01-01",
            "2024-1-1",
            "19700101",
            "0",
            "",
            "２０２４-01-01",
        ] {
            date(text).expect_err(text);
        }
    }

    #[test]
    fn times_keep_zone_and_digits() {
        assert_eq!(timestamp("1970-01-01T00:00:00Z").expect("fits"), 0);
        assert_eq!(timestamp("1970-01-01 01:00:00.000001+01:00").expect("fits"), 1);
        assert_eq!(timestamp("1969-12-31t23:59:59.5z").expect("fits"), -500_000);
        assert_eq!(timestamp("1970-01-01T00:00:00.123456000Z").expect("fits"), 123_456);
        assert_eq!(local_time("1970-01-01T00:00:00.5").expect("fits"), 500_000);
        for text in [
            "1970-01-01T00:00:00",
            "1970-01-01",
            "1970-01-01T00:00Z",
            "1970-01-01T00:00:00.Z",
            "1970-01-01T00:00:00.1234567Z",
            "1970-01-01T24:00:00Z",
            "2016-12-31T23:59:60Z",
            "1970-01-01T00:00:00+0100",
            "1970-01-01T00:00:00+01:00 ",
            "1.5",
            "",
        ] {
            timestamp(text).expect_err(text);
        }
        for text in ["1970-01-01T00:00:00Z", "1970-01-01T00:00:00+01:00", "1970-01-01", "1970-01-01T00:00:00 x"] {
            local_time(text).expect_err(text);
        }
    }
}
