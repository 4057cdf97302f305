//! Which names a pipeline, a table or a topic may have.

/// Legal in the ledger's entries, where `/` separates, and in a consumer group.
pub(super) fn is_pipeline_name(name: &str) -> bool {
    (1..=100).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

/// The same rule as for the transform's description.
pub(super) fn is_table_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// Kafka's own rule.
pub(super) fn is_topic_name(name: &str) -> bool {
    (1..=249).contains(&name.len())
        && name != "."
        && name != ".."
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_their_users_take() {
        assert!(is_pipeline_name("orders-eu.1"));
        assert!(!is_pipeline_name("orders/eu"));
        assert!(!is_pipeline_name("-orders"));
        assert!(is_table_name("order_lines"));
        assert!(!is_table_name("_orders"));
        assert!(!is_table_name("Orders"));
        assert!(is_topic_name("Orders.eu-1_x"));
        assert!(!is_topic_name(".."));
        assert!(!is_topic_name("a b"));
        assert!(!is_topic_name(&"a".repeat(250)));
    }
}
