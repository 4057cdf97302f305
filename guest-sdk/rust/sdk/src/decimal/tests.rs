//! What is read, shown and computed, up to the last digit.

use super::*;

fn unscaled(text: &str) -> Option<i128> {
    Decimal::<6, 2>::read(text.as_bytes()).map(Decimal::unscaled)
}

#[test]
fn reads_what_fits_and_nothing_else() {
    for (text, expected) in [
        ("0", 0),
        ("-0.1", -10),
        ("12.5", 1250),
        ("9999.99", 999_999),
        ("1.500", 150),
        ("1e3", 100_000),
        ("125e-2", 125),
        ("0e999", 0),
    ] {
        assert_eq!(unscaled(text), Some(expected), "{text}");
    }
    for text in ["", "-", ".5", "5.", "1.001", "10000", "1e4", "1e-3", "1e999", "--1", "+1", "NaN", "1.2.3", "1e", "é"]
    {
        assert_eq!(unscaled(text), None, "{text}");
    }
    let widest = "9".repeat(38);
    assert_eq!(Decimal::<38, 0>::read(widest.as_bytes()).map(|decimal| decimal.to_string()), Some(widest));
    assert_eq!(Decimal::<38, 0>::read("9".repeat(39).as_bytes()), None);
    assert_eq!(Decimal::<38, 38>::read(b"0.1").map(Decimal::unscaled), Some(10_i128.pow(37)));
}

#[test]
fn shows_every_digit_after_the_point() {
    let shown = |unscaled| Decimal::<6, 2>::from_unscaled(unscaled).map(|decimal| decimal.to_string());
    assert_eq!(shown(5).as_deref(), Some("0.05"));
    assert_eq!(shown(-1250).as_deref(), Some("-12.50"));
    assert_eq!(shown(1_000_000), None);
    assert_eq!(Decimal::<3, 0>::from_unscaled(7).map(|decimal| decimal.to_string()).as_deref(), Some("7"));
}

#[test]
fn arithmetic_stays_within_the_precision() {
    let most = Decimal::<6, 2>::from_unscaled(999_999).expect("it fits");
    let cent = Decimal::from_unscaled(1).expect("it fits");
    assert_eq!(most.checked_add(cent), None);
    assert_eq!(most.checked_sub(cent).map(Decimal::unscaled), Some(999_998));
    assert_eq!(cent.checked_mul(250).map(Decimal::unscaled), Some(250));
    assert_eq!(most.checked_mul(i64::MAX), None);
}

proptest::proptest! {
    #[test]
    fn the_quick_way_agrees_with_the_thorough_one(text in "[0-9]{1,20}(\\.[0-9]{1,8})?", scale in 0_u8..10) {
        if let Some(quick) = short(text.as_bytes(), scale) {
            proptest::prop_assert_eq!(Some(i128::from(quick)), long(text.as_bytes(), scale));
        }
    }
}
