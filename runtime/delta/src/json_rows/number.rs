//! JSON numbers as the numbers of a table: exactly, or not at all. Only a float column rounds, and only a fraction. Pure: takes
//! a text for a number as JSON writes it.

use super::misfit::Misfit;

/// The number times 10^`scale`, which must be below `end`.
pub(super) fn unscaled(text: &str, end: u128, scale: u8) -> Result<i128, Misfit> {
    let number = scaled(text, scale)?;
    match number.unsigned_abs() < end {
        true => Ok(number),
        false => Err(out_of_range()),
    }
}

/// A whole number.
pub(super) fn integer<T: TryFrom<i128>>(text: &str) -> Result<T, Misfit> {
    // Nearly all have few digits and neither point nor exponent.
    let number = match text.len() < 18 {
        true => text.parse::<i64>().map(i128::from).or_else(|_| scaled(text, 0)),
        false => scaled(text, 0),
    };
    T::try_from(number?).map_err(|_| out_of_range())
}

/// A float of 64 bits.
pub(super) fn float64(text: &str) -> Result<f64, Misfit> {
    let float = text.parse::<f64>().map_err(|_| not_a_number())?;
    let is_rounded = float.abs() >= (1u64 << f64::MANTISSA_DIGITS) as f64 && is_cut(text, float, float);
    fitting(text, float, float.is_finite(), float == 0.0, is_rounded)
}

/// A float of 32 bits.
pub(super) fn float32(text: &str) -> Result<f32, Misfit> {
    let float = text.parse::<f32>().map_err(|_| not_a_number())?;
    let is_rounded = float.abs() >= (1u32 << f32::MANTISSA_DIGITS) as f32 && is_cut(text, float, float.into());
    fitting(text, float, float.is_finite(), float == 0.0, is_rounded)
}

/// Whether no digit before the exponent says otherwise.
fn is_written_as_zero(text: &str) -> bool {
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    !mantissa.bytes().any(|byte| matches!(byte, b'1'..=b'9'))
}

fn fitting<F>(text: &str, float: F, is_finite: bool, is_zero: bool, is_rounded: bool) -> Result<F, Misfit> {
    if !is_finite || is_zero && !is_written_as_zero(text) {
        return Err(out_of_range());
    }
    if is_rounded {
        return Err(Misfit::new("the whole number has more digits than a float of the column's width holds"));
    }
    Ok(float)
}

/// Whether a whole number lost digits as it became a float. `1.2e30` did not: only a float is written so, and what printed it
/// meant the nearest. Nor did the shortest digits that name the float, which JavaScript fills up with zeros.
fn is_cut(text: &str, float: impl std::fmt::Display, wide: f64) -> bool {
    if text.contains(['.', 'e', 'E']) || float.to_string() == text {
        return false;
    }
    // Beyond 2^127 the conversion saturates; no text has just those digits.
    (wide as i128).to_string() != text
}

/// The exact value times 10^`scale`.
fn scaled(text: &str, scale: u8) -> Result<i128, Misfit> {
    let (is_negative, text) = text.strip_prefix('-').map_or((false, text), |magnitude| (true, magnitude));
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    // An exponent beyond these bounds moves any digit out of every type's range, or behind the point.
    let exponent =
        exponent.parse::<i64>().unwrap_or(if exponent.starts_with('-') { -EXPONENT_MAX } else { EXPONENT_MAX });
    let point = exponent.clamp(-EXPONENT_MAX, EXPONENT_MAX) + i64::from(scale) + whole.len() as i64;
    if (mantissa.len() as i64).max(point) <= SHORT_DIGITS_MAX && point >= (whole.len() + fraction.len()) as i64 {
        // Most numbers: no digit is lost, and 64 bits hold them.
        let number = whole.bytes().chain(fraction.bytes()).fold(0, |sum, byte| sum * 10 + i64::from(byte - b'0'));
        let number = i128::from(number * 10i64.pow(point as u32 - (whole.len() + fraction.len()) as u32));
        return Ok(if is_negative { -number } else { number });
    }
    let mut number: i128 = 0;
    let mut digits = 0;
    for byte in whole.bytes().chain(fraction.bytes()) {
        let digit = i128::from(byte.wrapping_sub(b'0'));
        if digits < point {
            number = shifted(number)?.checked_add(digit).ok_or_else(out_of_range)?;
        } else if digit != 0 {
            return Err(fraction_too_long(scale));
        }
        digits += 1;
    }
    while number != 0 && digits < point {
        number = shifted(number)?;
        digits += 1;
    }
    Ok(if is_negative { -number } else { number })
}

/// 64 bits hold any number of so many digits.
const SHORT_DIGITS_MAX: i64 = 18;
/// More than any row has digits.
const EXPONENT_MAX: i64 = 1 << 40;

fn shifted(number: i128) -> Result<i128, Misfit> {
    number.checked_mul(10).ok_or_else(out_of_range)
}

fn fraction_too_long(scale: u8) -> Misfit {
    match scale {
        0 => Misfit::new("the number has a fraction, which the column would lose"),
        _ => Misfit::new(format!("the number has more than {scale} digits behind the point")),
    }
}

fn out_of_range() -> Misfit {
    Misfit::new("the number is out of the column's range")
}

fn not_a_number() -> Misfit {
    Misfit::new("the text is not a decimal number")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_exact_however_they_are_written() {
        for (text, number) in [
            ("0", 0),
            ("-0", 0),
            ("-0.0", 0),
            ("1.0", 1),
            ("1e3", 1_000),
            ("12.50e1", 125),
            ("100e-2", 1),
            ("9007199254740993.0", 9_007_199_254_740_993),
            ("9223372036854775807", i64::MAX),
            ("-9223372036854775808", i64::MIN),
            ("0e999999999999999999999", 0),
        ] {
            assert_eq!(integer::<i64>(text).expect(text), number, "{text}");
        }
        for text in [
            "1.9",
            "1e-1",
            "-0.5",
            "9223372036854775808",
            "1e19",
            "1e999999999999999999999",
            "5e-999999999999999999999",
        ] {
            integer::<i64>(text).expect_err(text);
        }
        assert_eq!(integer::<i32>("-2147483648").expect("fits"), i32::MIN);
        integer::<i32>("2147483648").expect_err("is too large");
    }

    #[test]
    fn decimals_keep_every_digit() {
        const MONEY: u128 = 10u128.pow(12);
        let nines = "9".repeat(38);
        assert_eq!(unscaled("12.50", MONEY, 2).expect("fits"), 1_250);
        assert_eq!(unscaled("12.500", MONEY, 2).expect("fits"), 1_250);
        assert_eq!(unscaled("-0.01", MONEY, 2).expect("fits"), -1);
        assert_eq!(unscaled("1e-2", MONEY, 2).expect("fits"), 1);
        assert_eq!(unscaled(&nines, 10u128.pow(38), 0).expect("fits"), 10i128.pow(38) - 1);
        assert_eq!(unscaled(&format!("-0.{nines}"), 10u128.pow(38), 38).expect("fits"), 1 - 10i128.pow(38));
        for text in ["12.999", "0.001", "10000000000", "1e400"] {
            unscaled(text, MONEY, 2).expect_err(text);
        }
        unscaled(&format!("{nines}0"), 10u128.pow(38), 0).expect_err("is too large");
    }

    #[test]
    fn floats_round_fractions_and_nothing_else() {
        assert_eq!(float64("0.1").expect("fits").to_bits(), 0.1f64.to_bits());
        assert_eq!(float64("-0.0").expect("fits").to_bits(), (-0.0f64).to_bits());
        assert_eq!(float64("1e300").expect("fits").to_bits(), 1e300f64.to_bits());
        assert_eq!(float64("5e-324").expect("fits").to_bits(), 1);
        assert_eq!(float32("0.1").expect("fits").to_bits(), 0.1f32.to_bits());
        // What JavaScript prints of a float, and what is one to the last digit.
        float64("123456789012345680000").expect("names a float");
        float64("123456789012345683968").expect("is a float");
        float64("9007199254740992").expect("is a float");
        float32("16777216").expect("is a float");
        for text in ["1e309", "-1e309", "1e-400", "9007199254740993", "123456789012345678901"] {
            float64(text).expect_err(text);
        }
        for text in ["1e39", "1e-60", "16777217", "-16777217"] {
            float32(text).expect_err(text);
        }
    }
}
