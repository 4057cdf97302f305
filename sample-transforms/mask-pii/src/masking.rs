//! Finding and masking e-mail addresses, card numbers and phone numbers in text.

/// `ada@example.com` → `a***@example.com`; none if it is not an address.
pub(crate) fn email(address: &str) -> Option<String> {
    let (name, domain) = address.split_once('@')?;
    let first = name.chars().next()?;
    let labels = domain
        .split('.')
        .all(|label| !label.is_empty() && label.chars().all(|letter| letter.is_alphanumeric() || letter == '-'));
    let name_fits = name.chars().all(|letter| letter.is_alphanumeric() || "._%+-".contains(letter));
    (name_fits && labels && domain.contains('.')).then(|| format!("{first}***@{domain}"))
}

/// Every digit but the last two becomes `*`.
pub(crate) fn digits(number: &str) -> String {
    let count = number.bytes().filter(u8::is_ascii_digit).count();
    let mut seen = 0;
    let mask = |letter: char| {
        seen += usize::from(letter.is_ascii_digit());
        if letter.is_ascii_digit() && seen + 2 <= count { '*' } else { letter }
    };
    number.chars().map(mask).collect()
}

/// The text with `[email]`, `[card]` and `[phone]` where they stood.
pub(crate) fn text(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let number = number_length(rest);
        let (taken, shown) = if let Some(kind) = number_kind(&rest[..number]) {
            (number, kind)
        } else {
            let word = if number > 0 { number } else { word_length(rest) };
            let bare = rest[..word].trim_end_matches(['.', ',', ';', ':', '!', '?']);
            if email(bare).is_some() { (bare.len(), "[email]") } else { (word, &rest[..word]) }
        };
        masked.push_str(shown);
        rest = &rest[taken..];
    }
    masked
}

/// How long the run of digits at the beginning is, single spaces, dashes and brackets within it included.
fn number_length(text: &str) -> usize {
    if !text.starts_with(|letter: char| letter.is_ascii_digit() || letter == '+') {
        return 0;
    }
    let end = text.find(|letter: char| !letter.is_ascii_digit() && !"+ -()/".contains(letter)).unwrap_or(text.len());
    text[..end].trim_end_matches(|letter: char| !letter.is_ascii_digit()).len()
}

/// How far the first word reaches, or the white space and brackets before it.
fn word_length(text: &str) -> usize {
    let separates = |letter: char| letter.is_whitespace() || "<>()[]\"'".contains(letter);
    let leading = text.find(|letter| !separates(letter)).unwrap_or(text.len());
    if leading > 0 { leading } else { text.find(separates).unwrap_or(text.len()) }
}

/// What a number most likely is; none if it identifies no person.
fn number_kind(number: &str) -> Option<&'static str> {
    let digits: Vec<u8> = number.bytes().filter(u8::is_ascii_digit).map(|digit| digit - b'0').collect();
    match digits.len() {
        13..=19 if luhn(&digits) => Some("[card]"),
        7..=15 if number.starts_with(['+', '0']) => Some("[phone]"),
        _ => None,
    }
}

/// The check digit of card numbers: every second digit from the right doubled, the sum of all digits divisible by 10.
fn luhn(digits: &[u8]) -> bool {
    let doubled = |digit: u8| if digit > 4 { digit * 2 - 9 } else { digit * 2 };
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| u32::from(if place % 2 == 1 { doubled(*digit) } else { *digit }))
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::{digits, email, text};

    #[test]
    fn addresses_keep_their_first_letter_and_domain() {
        assert_eq!(email("ada.l@mail.example.com").as_deref(), Some("a***@mail.example.com"));
        for other in ["", "@example.com", "ada", "ada@example", "ada@.com", "a b@example.com", "a@b@c.de"] {
            assert_eq!(email(other), None, "{other}");
        }
    }

    #[test]
    fn numbers_keep_their_shape_and_last_two_digits() {
        assert_eq!(digits("+49 (30) 123-45"), "+** (**) ***-45");
        assert_eq!(digits("7"), "7");
    }

    #[test]
    fn a_text_loses_what_identifies_and_nothing_else() {
        for (before, after) in [
            ("write to ada@example.com, please", "write to [email], please"),
            ("(ada@example.com)", "([email])"),
            ("card 4111 1111 1111 1111.", "card [card]."),
            ("order 4111111111111112 is no card", "order 4111111111111112 is no card"),
            ("call +49 30 1234567 or 030-1234567", "call [phone] or [phone]"),
            ("3 pens at 12.50 on 2024-02-29", "3 pens at 12.50 on 2024-02-29"),
            ("grüße 😀 +", "grüße 😀 +"),
            ("", ""),
        ] {
            assert_eq!(text(before), after);
        }
    }
}
