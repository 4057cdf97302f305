//! Where records come from, as the program sees it: addresses joined, secrets fetched, exactly one kind of topics.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Secret;

/// Where records come from.
#[derive(Debug, Clone)]
pub enum SourceSettings {
    /// A Kafka consumer group.
    Kafka(KafkaSettings),
    /// A file of records, read once.
    File(FileSettings),
}

/// A Kafka consumer group.
#[derive(Debug, Clone)]
pub struct KafkaSettings {
    /// `host:port`, comma-separated, as librdkafka takes it.
    pub brokers: String,
    /// What to subscribe to.
    pub topics: Topics,
    /// The consumer group; `sluicebox-<name>` unless the file names one.
    pub group: String,
    /// Where a partition starts that is in no ledger.
    pub start: Start,
    /// Passed to librdkafka unchanged; none of those that Sluicebox sets itself.
    pub properties: BTreeMap<String, Secret>,
    /// How the client proves its identity, unless `properties` do.
    pub authentication: Option<Authentication>,
}

/// How the client proves its identity to the brokers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authentication {
    /// As an AWS identity, by a signed token: Amazon MSK with IAM access control.
    MskIam {
        /// The cluster's region; none: taken from the brokers' names or the environment.
        region: Option<String>,
    },
}

/// What a Kafka source subscribes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Topics {
    /// These topics.
    Named(Vec<String>),
    /// All topics whose name matches this regular expression of the `regex` crate, but no internal ones.
    Matching(String),
}

impl Topics {
    /// Whether the source reads a topic of this name. For many names, use [`Self::filter`].
    pub fn take_in(&self, topic: &str) -> bool {
        self.filter().takes_in(topic)
    }

    /// The same question for many names: compiles the pattern once.
    pub fn filter(&self) -> TopicFilter<'_> {
        match self {
            Topics::Named(names) => TopicFilter::Named(names),
            // `check` has refused a pattern that does not compile.
            Topics::Matching(pattern) => TopicFilter::Matching(regex::Regex::new(pattern).ok()),
        }
    }
}

/// Says which topics a source reads. The one place that reads the pattern, so `check`, `run` and Lambda agree.
#[derive(Debug)]
pub enum TopicFilter<'a> {
    /// These topics.
    Named(&'a [String]),
    /// All topics whose name matches; none if the pattern does not compile.
    Matching(Option<regex::Regex>),
}

impl TopicFilter<'_> {
    /// Whether the source reads a topic of this name.
    pub fn takes_in(&self, topic: &str) -> bool {
        match self {
            TopicFilter::Named(names) => names.iter().any(|name| name == topic),
            TopicFilter::Matching(pattern) => {
                !is_internal(topic) && pattern.as_ref().is_some_and(|pattern| pattern.is_match(topic))
            }
        }
    }
}

/// Whether brokers keep their own books in the topic, such as `__consumer_offsets`. A pipeline that read it by a pattern would
/// feed on its own commits without end.
fn is_internal(topic: &str) -> bool {
    topic.starts_with("__")
}

/// Where a partition starts that is in no ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// At the oldest record that the broker still has.
    #[default]
    Earliest,
    /// At the end: only records that producers write from now on.
    Latest,
}

/// A file of records, read once from its beginning to its end.
#[derive(Debug, Clone)]
pub struct FileSettings {
    /// Where the bytes are.
    pub path: FilePath,
    /// How a line becomes a record.
    pub format: RecordFormat,
    /// The topic of lines that name none; the pipeline's name unless the file says otherwise.
    pub topic: String,
}

/// Where the bytes of a file source are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FilePath {
    /// Standard input, written `-`.
    Stdin,
    /// A file, or a folder whose files are read in the order of their names.
    Path(PathBuf),
}

/// How a line of a file becomes a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
pub enum RecordFormat {
    /// Each line is a JSON object with the record's key, value, headers and position.
    #[default]
    #[serde(rename = "jsonl")]
    JsonLines,
    /// Each line is a record's value.
    #[serde(rename = "lines")]
    Lines,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_a_regular_expression_of_rust_and_takes_in_no_internal_topic() {
        let digits = Topics::Matching(r"^orders-\d+$".to_owned());
        assert!(digits.take_in("orders-1") && digits.take_in("orders-22"));
        assert!(!digits.take_in("orders-d") && !digits.take_in("my-orders-1"));
        let all = Topics::Matching("^.*".to_owned());
        assert!(all.take_in("orders") && all.take_in("_schemas"));
        assert!(!all.take_in("__consumer_offsets"));
        assert!(Topics::Named(vec!["__consumer_offsets".to_owned()]).take_in("__consumer_offsets"));
    }
}
