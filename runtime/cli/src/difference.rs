//! Where two JSON values part, cell by cell: `rows.orders[0].currency  expected "EUR"  actual null`.

use std::collections::BTreeSet;

use serde_json::Value;
use similar::{ChangeTag, TextDiff};

/// Texts longer than this are shown by what changed in them.
const SHORT_TEXT_CHARS: usize = 60;

/// One cell that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) path: String,
    pub(crate) expected: String,
    pub(crate) actual: String,
}

/// All cells that differ. A key that is absent equals one that is null.
pub(crate) fn differences(expected: &Value, actual: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare("", expected, actual, &mut found);
    found
}

fn compare(path: &str, expected: &Value, actual: &Value, found: &mut Vec<Difference>) {
    match (expected, actual) {
        (Value::Object(left), Value::Object(right)) => {
            // A set: a key that both have is compared once, and the order is always the same.
            let keys: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
            for key in keys {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                compare(&path, left.get(key).unwrap_or(&Value::Null), right.get(key).unwrap_or(&Value::Null), found);
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (index, (left, right)) in left.iter().zip(right).enumerate() {
                compare(&format!("{path}[{index}]"), left, right, found);
            }
        }
        (Value::Array(left), Value::Array(right)) => found.push(Difference {
            path: path.to_owned(),
            expected: format!("{} items: {expected}", left.len()),
            actual: format!("{} items: {actual}", right.len()),
        }),
        // 1 and 1.0 are the same number. Integers have to be equal as integers too: as floats, large neighbours are
        // equal.
        (Value::Number(left), Value::Number(right))
            if left.as_f64() == right.as_f64() && !(left.is_i64() && right.is_i64() && left != right) => {}
        // Before the long texts: equal ones have no change to show.
        _ if expected == actual => {}
        (Value::String(left), Value::String(right))
            if left.chars().count().max(right.chars().count()) > SHORT_TEXT_CHARS =>
        {
            let (expected, actual) = changed(left, right);
            found.push(Difference { path: path.to_owned(), expected, actual });
        }
        _ => {
            found.push(Difference { path: path.to_owned(), expected: expected.to_string(), actual: actual.to_string() })
        }
    }
}

/// Both texts with what is only in the one marked `[-…-]` and what is only in the other `{+…+}`.
fn changed(left: &str, right: &str) -> (String, String) {
    let (mut expected, mut actual) = (String::new(), String::new());
    for change in TextDiff::from_words(left, right).iter_all_changes() {
        let text = change.value();
        match change.tag() {
            ChangeTag::Equal => {
                expected.push_str(text);
                actual.push_str(text);
            }
            ChangeTag::Delete => expected.push_str(&format!("[-{text}-]")),
            ChangeTag::Insert => actual.push_str(&format!("{{+{text}+}}")),
        }
    }
    (expected, actual)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn paths(expected: Value, actual: Value) -> Vec<String> {
        differences(&expected, &actual).into_iter().map(|d| format!("{} {} {}", d.path, d.expected, d.actual)).collect()
    }

    #[test]
    fn each_cell_is_named() {
        let expected = json!({"rows": {"orders": [{"id": 1, "currency": "EUR", "note": null}]}});
        let actual = json!({"rows": {"orders": [{"id": 1.0, "currency": null}]}});
        assert_eq!(paths(expected, actual), [r#"rows.orders[0].currency "EUR" null"#]);
    }

    #[test]
    fn another_verdict_is_two_differences() {
        let found = paths(json!({"filtered": true}), json!({"rejected": {"code": "x"}}));
        assert_eq!(found, ["filtered true null", r#"rejected null {"code":"x"}"#]);
    }

    #[test]
    fn lists_of_other_lengths_are_shown_whole() {
        assert_eq!(paths(json!([1]), json!([1, 2])), [" 1 items: [1] 2 items: [1,2]"]);
    }

    #[test]
    fn whole_numbers_keep_their_last_digit() {
        assert_eq!(paths(json!(9007199254740993_i64), json!(9007199254740992_i64)).len(), 1);
    }

    #[test]
    fn long_texts_show_what_changed() {
        let text = "a long message about an order that is much too long to compare by eye alone";
        let found = paths(json!(text), json!(text.replace("order", "invoice")));
        assert!(found[0].contains("[-order-]") && found[0].contains("{+invoice+}"), "{found:?}");
    }
}
