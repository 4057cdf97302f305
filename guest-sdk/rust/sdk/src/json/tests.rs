//! `serde_json` is the oracle: the same texts are taken, the same values come out.

use std::{borrow::Cow, collections::BTreeMap};

use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use super::from_slice;
use crate::Reject;

fn read<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, String> {
    from_slice(text.as_bytes()).map_err(|error| error.to_string())
}

fn rejected<T: for<'de> Deserialize<'de>>(text: &[u8]) -> (String, String) {
    let reject = Reject::from(from_slice::<T>(text).err().expect("the text is refused"));
    (reject.code().to_owned(), reject.path().unwrap_or_default().to_owned())
}

#[derive(Debug, PartialEq, Deserialize)]
struct Order<'r> {
    #[serde(borrow)]
    id: Cow<'r, str>,
    items: Vec<Item>,
    paid: Option<bool>,
    state: State,
    #[serde(default)]
    tags: BTreeMap<u8, String>,
    pair: (i8, u64),
}

#[derive(Debug, PartialEq, Deserialize)]
struct Item {
    price: f64,
}

#[derive(Debug, PartialEq, Deserialize)]
enum State {
    Open,
    Sent(String),
    Lost { by: String },
}

const ORDER: &str = r#"
    { "id" : "o-1" , "items":[ {"price":1.5, "extra":[{"a":[null,true,false,-1e-3,"\u00e9"]}]} , {"price":-0} ],
      "paid":null, "state":{"Lost":{"by":"\ud83d\ude00\n"}}, "tags":{"7":"seven"}, "pair":[-1, 18446744073709551615] }"#;

#[test]
fn a_struct_is_read_with_every_kind_of_member() {
    let order: Order<'_> = read(ORDER).expect("it is well-formed");
    assert_eq!(order, serde_json::from_str(ORDER).expect("so says the oracle"));
    assert!(matches!(order.id, Cow::Borrowed("o-1")), "what has no escapes is borrowed");
    assert_eq!(order.state, State::Lost { by: "😀\n".to_owned() });
    assert_eq!(read(r#"["Open", {"Sent": "x"}]"#), Ok(vec![State::Open, State::Sent("x".to_owned())]));
}

#[test]
fn errors_name_the_place_and_not_the_contents() {
    let error = |from: &str, to: &str| {
        let text = ORDER.replacen(from, to, 1);
        let reject = Reject::from(from_slice::<Order<'_>>(text.as_bytes()).expect_err("not an order"));
        assert!(!reject.message().contains("secret"), "{reject}");
        (reject.code().to_owned(), reject.path().unwrap_or_default().to_owned())
    };
    let expected = |code: &str, path: &str| (code.to_owned(), path.to_owned());
    assert_eq!(error("-0}", r#""secret"}"#), expected("invalid_record", "items[1].price"));
    assert_eq!(error(r#""price":1.5"#, r#""prise":1.5"#), expected("missing_field", "items[0].price"));
    assert_eq!(error(r#""paid":null"#, r#""paid":secret"#), expected("invalid_json", "paid"));
    assert_eq!(error(r#""paid":null"#, r#""paid":"secret""#), expected("invalid_record", "paid"));
    assert_eq!(error("[-1", "[-129"), expected("invalid_record", "pair[0]"));
    assert_eq!(error("18446744073709551615", "18446744073709551616"), expected("invalid_record", "pair[1]"));
    assert_eq!(error("-1e-3", "1e999"), expected("invalid_record", "items[0].extra"));
    assert_eq!(error("Lost", "secret"), expected("invalid_record", "state"));
    assert_eq!(error(r#""7""#, r#""secret""#), expected("invalid_record", "tags"));
}

#[test]
fn every_kind_of_bad_text_is_refused() {
    let code = |text: &[u8]| rejected::<Value>(text).0;
    for text in [
        "",
        " ",
        "{",
        "[1,]",
        "[1 2]",
        "{\"a\" 1}",
        "{\"a\":1,}",
        "{a:1}",
        "'a'",
        "NaN",
        "-Infinity",
        "+1",
        "01",
        "1.",
        ".5",
        "1e",
        "-",
        "tru",
        "nulll",
        "\"a",
        "\"\t\"",
        r#""\x""#,
        r#""\u12""#,
        r#""\ud800""#,
        r#""\udc00x""#,
        "1 1",
        "\u{feff}1",
        "[1]]",
    ] {
        assert_eq!(code(text.as_bytes()), "invalid_json", "{text}");
        assert!(serde_json::from_str::<Value>(text).is_err(), "{text}");
    }
    assert_eq!(code(b"\"\xff\""), "invalid_utf8");
    assert_eq!(code(b"\"\\n\xed\xa0\x80\""), "invalid_utf8");
    assert_eq!(code(b"1e999"), "invalid_record");
}

#[test]
fn depth_is_limited_also_where_values_are_skipped() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(read::<Value>(&nested(128)).is_ok());
    assert!(read::<serde::de::IgnoredAny>(&nested(128)).is_ok());
    for depth in [129, 10_000] {
        assert_eq!(rejected::<Value>(nested(depth).as_bytes()).0, "invalid_json");
        assert_eq!(rejected::<serde::de::IgnoredAny>(nested(depth).as_bytes()).0, "invalid_json");
        assert_eq!(rejected::<Value>("{\"a\":".repeat(depth).as_bytes()).0, "invalid_json");
    }
}

#[test]
fn documented_differences_from_the_oracle() {
    assert_eq!(rejected::<Item>(b"[1.5]").0, "invalid_record", "a struct is an object");
    assert_eq!(read::<i64>("-0"), Ok(0));
    assert_eq!(read::<Value>("-0"), Ok(json!(-0.0)));
    assert_eq!(rejected::<serde::de::IgnoredAny>(b"1e999").0, "invalid_record");
    let decimal = read::<crate::Decimal<38, 20>>("123456789012345678.00000000000000000001");
    assert_eq!(decimal.map(|decimal| decimal.to_string()).as_deref(), Ok("123456789012345678.00000000000000000001"));
}

fn any_json() -> impl Strategy<Value = Value> {
    let number = prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (-1000.0..1000.0).prop_map(Value::from)
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        number,
        any::<String>().prop_map(Value::from)
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect()))
        ]
    })
}

/// Equal, but for the last bits of floats, which `serde_json` does not round exactly by default. (That ours are exact is held
/// against the standard library below.)
fn alike(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Array(ours), Value::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(ours, theirs)| alike(ours, theirs))
        }
        (Value::Object(ours), Value::Object(theirs)) => {
            ours.len() == theirs.len()
                && ours.iter().all(|(key, ours)| theirs.get(key).is_some_and(|theirs| alike(ours, theirs)))
        }
        (Value::Number(ours), Value::Number(theirs)) if ours.is_f64() && theirs.is_f64() => {
            let bits = |number: &serde_json::Number| number.as_f64().map_or(0, f64::to_bits);
            bits(ours).abs_diff(bits(theirs)) <= 8
        }
        (ours, theirs) => ours == theirs,
    }
}

/// The same text is taken or refused, and the same value comes out.
fn agree_on(text: &[u8]) -> Result<(), TestCaseError> {
    let (ours, theirs) = (from_slice::<Value>(text), serde_json::from_slice::<Value>(text));
    match (&ours, &theirs) {
        (Ok(ours), Ok(theirs)) => prop_assert!(alike(ours, theirs), "{:?} against {:?}", ours, theirs),
        (Err(_), Err(_)) => {}
        _ => prop_assert!(false, "{:?} against {:?} on {:?}", ours, theirs, String::from_utf8_lossy(text)),
    }
    prop_assert_eq!(from_slice::<serde::de::IgnoredAny>(text).is_ok(), ours.is_ok(), "skipping checks as reading does");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn well_formed_texts_read_the_same(value in any_json(), pretty: bool) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
        agree_on(text.expect("values serialise").as_bytes())?;
    }

    #[test]
    fn damaged_texts_are_taken_or_refused_the_same(value in any_json(), damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4), cut: prop::sample::Index) {
        let mut text = serde_json::to_vec(&value).expect("values serialise");
        for (place, byte) in damage {
            let place = place.index(text.len());
            text[place] = byte;
        }
        agree_on(&text)?;
        agree_on(&text[..cut.index(text.len())])?;
    }

    #[test]
    fn texts_of_jsons_own_letters_are_taken_or_refused_the_same(text in r#"[\[\]{}:,"\\u0-9a-f.eE+\- \ntrufalsn]{0,24}"#) {
        agree_on(text.as_bytes())?;
    }

    #[test]
    fn numbers_are_rounded_as_the_standard_library_does(text in r"-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,24})?([eE][+-]?[0-9]{1,3})?") {
        let expected: f64 = text.parse().expect("Rust reads it");
        match read::<f64>(&text) {
            Ok(number) => prop_assert_eq!(number.to_bits(), expected.to_bits()),
            Err(error) => prop_assert!(expected.is_infinite(), "{}", error),
        }
    }
}
