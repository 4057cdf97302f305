//! A decimal as text, exactly: a float would round it. Pure.

/// `unscaled` × 10^-`scale`, with all `scale` digits behind the point.
pub(super) fn text(unscaled: i128, scale: i8) -> String {
    let sign = if unscaled < 0 { "-" } else { "" };
    let digits = unscaled.unsigned_abs().to_string();
    match usize::try_from(scale).unwrap_or_default() {
        0 => format!("{sign}{digits}"),
        scale => {
            let digits = format!("{digits:0>width$}", width = scale + 1);
            let (whole, fraction) = digits.split_at(digits.len() - scale);
            format!("{sign}{whole}.{fraction}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn no_digit_is_lost() {
        assert_eq!(text(i128::from(u64::MAX), 0), "18446744073709551615");
        assert_eq!(text(-5, 2), "-0.05");
        assert_eq!(text(0, 3), "0.000");
        assert_eq!(text(10i128.pow(38) - 1, 38), format!("0.{}", "9".repeat(38)));
        assert_eq!(text(1 - 10i128.pow(38), 10), format!("-{}.{}", "9".repeat(28), "9".repeat(10)));
    }
}
