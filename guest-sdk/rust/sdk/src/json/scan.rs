//! Eight bytes at a time: the inner loops of the reader, without loops where eight bytes suffice.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Bytes that stand for themselves in a string.
pub(super) struct Run {
    /// Where the first byte that does not is: a quote, a backslash, a control character, or the end of the text.
    pub(super) end: usize,
    /// Whether all of them are ASCII.
    pub(super) ascii: bool,
}

/// The run that begins at `at`.
#[inline]
pub(super) fn run(text: &[u8], at: usize) -> Run {
    let mut end = at;
    let mut high = 0;
    while let Some(eight) = word(text, end) {
        let ending = ending(eight);
        if ending != 0 {
            let before = ending.trailing_zeros() & !7;
            high |= eight & HIGHS & ((1 << before) - 1);
            return Run { end: end + before as usize / 8, ascii: high == 0 };
        }
        high |= eight & HIGHS;
        end += 8;
    }
    let mut ascii = high == 0;
    while let Some(&byte) = text.get(end) {
        if byte < b' ' || byte == b'"' || byte == b'\\' {
            break;
        }
        ascii &= byte.is_ascii();
        end += 1;
    }
    Run { end, ascii }
}

#[inline]
fn word(text: &[u8], at: usize) -> Option<u64> {
    text.get(at..)?.first_chunk().map(|eight| u64::from_le_bytes(*eight))
}

/// The high bit of the first byte that ends a run. (Bits above it may be wrong: a borrow can spill over.)
#[inline]
fn ending(eight: u64) -> u64 {
    let quote = eight ^ (ONES * b'"' as u64);
    let backslash = eight ^ (ONES * b'\\' as u64);
    let control = eight.wrapping_sub(ONES * b' ' as u64) & !eight;
    ((quote.wrapping_sub(ONES) & !quote) | (backslash.wrapping_sub(ONES) & !backslash) | control) & HIGHS
}

/// The digits that begin at `at`: how many, and `sum` continued by them (wrapping where they are too many).
#[inline]
pub(super) fn digits(text: &[u8], at: usize, mut sum: u64) -> (usize, u64) {
    let mut end = at;
    while let Some(eight) = word(text, end) {
        let count = leading_digits(eight);
        if count == 8 {
            sum = sum.wrapping_mul(100_000_000).wrapping_add(eight_digits(eight));
            end += 8;
            continue;
        }
        if count > 0 {
            // Zeros take the places in front.
            let digits = eight_digits(eight << (64 - 8 * count));
            sum = sum.wrapping_mul(POWERS_OF_TEN[count as usize]).wrapping_add(digits);
        }
        return (end + count as usize - at, sum);
    }
    while let Some(digit) = text.get(end).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10) {
        sum = sum.wrapping_mul(10).wrapping_add(u64::from(digit));
        end += 1;
    }
    (end - at, sum)
}

const POWERS_OF_TEN: [u64; 8] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000];

/// How many of eight bytes, from the first on, are digits.
#[inline]
fn leading_digits(eight: u64) -> u32 {
    // A digit's high nibble is 3, also after 6 was added; a byte that carries into the next one is no digit itself.
    let other = (eight & 0xf0f0_f0f0_f0f0_f0f0) ^ (ONES * 0x30)
        | (eight.wrapping_add(ONES * 6) & 0xf0f0_f0f0_f0f0_f0f0) ^ (ONES * 0x30);
    other.trailing_zeros() / 8
}

/// Eight digits, first one first; the high nibbles do not count.
#[inline]
fn eight_digits(eight: u64) -> u64 {
    let ones = eight & (ONES * 0x0f);
    let pairs = (ones.wrapping_mul(10) + (ones >> 8)) & 0x00ff_00ff_00ff_00ff;
    let quads = (pairs.wrapping_mul(100) + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    (quads.wrapping_mul(10_000) + (quads >> 32)) & 0xffff_ffff
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn a_run_ends_where_a_byte_loop_ends(text: Vec<u8>, at in 0_usize..20) {
            let rest = text.get(at..).unwrap_or_default();
            let len = rest.iter().take_while(|byte| **byte >= b' ' && **byte != b'"' && **byte != b'\\').count();
            let found = run(&text, at.min(text.len()));
            proptest::prop_assert_eq!(found.end, at.min(text.len()) + len);
            proptest::prop_assert_eq!(found.ascii, rest[..len].is_ascii());
        }

        #[test]
        fn digits_are_summed_as_by_the_book(prefix in "[a-z]{0,3}", number in "[0-9]{0,19}", suffix in "[^0-9].{0,12}|") {
            let text = format!("{prefix}{number}{suffix}");
            let (len, sum) = digits(text.as_bytes(), prefix.len(), 0);
            proptest::prop_assert_eq!(len, number.len());
            proptest::prop_assert_eq!(sum, if number.is_empty() { 0 } else { number.parse().expect("19 digits fit") });
        }

        #[test]
        fn any_eight_bytes_begin_with_as_many_digits_as_they_do(eight: [u8; 8]) {
            let expected = eight.iter().take_while(|byte| byte.is_ascii_digit()).count();
            proptest::prop_assert_eq!(leading_digits(u64::from_le_bytes(eight)) as usize, expected);
        }
    }
}
