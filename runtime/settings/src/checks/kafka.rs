//! `source.kafka`: which topics, which properties of librdkafka, and the secrets among them. Connects to nothing.

use std::collections::BTreeSet;

use super::Checker;
use crate::diagnostic::Diagnostic;
use crate::names::is_topic_name;
use crate::shape::{self, Property, Reference};
use crate::tree::Place;
use crate::{KafkaSettings, Secret, Topics};

/// librdkafka's properties that Sluicebox sets itself, and what to use instead.
const RESERVED: [(&str, &str); 9] = [
    ("auto.offset.reset", "use `source.kafka.start`"),
    ("bootstrap.servers", "use `source.kafka.brokers`"),
    ("enable.auto.commit", "remove it: offsets are committed after the tables"),
    ("enable.auto.offset.store", "remove it: offsets are committed after the tables"),
    ("enable.partition.eof", "remove it: `run --drain` stops at the end by itself"),
    ("group.id", "use `source.kafka.group`"),
    ("isolation.level", "remove it: the source reads only committed records"),
    ("metadata.broker.list", "use `source.kafka.brokers`"),
    ("partition.assignment.strategy", "remove it: rebalancing is cooperative"),
];

/// librdkafka's properties whose value the file must not contain: those that it marks as sensitive itself (`_RK_SENSITIVE` in
/// `rdkafka_conf.c` 2.12) and their aliases, but for user names, certificates and the names of files.
const SECRET: [&str; 9] = [
    "sasl.oauthbearer.assertion.private.key.passphrase",
    "sasl.oauthbearer.assertion.private.key.pem",
    "sasl.oauthbearer.client.credentials.client.secret",
    "sasl.oauthbearer.client.secret",
    "sasl.oauthbearer.config",
    "sasl.password",
    "ssl.key.password",
    "ssl.key.pem",
    "ssl.keystore.password",
];

/// Whether librdkafka can look up the host: a name or an address, perhaps with one of its own protocols in front.
fn is_host(text: &str) -> bool {
    let host = text.split_once("://").map_or(Some(text), |(protocol, host)| {
        ["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"]
            .iter()
            .any(|it| protocol.eq_ignore_ascii_case(it))
            .then_some(host)
    });
    host.is_some_and(|host| {
        !host.is_empty() && host.chars().all(|letter| letter.is_alphanumeric() || ".-_[]:%".contains(letter))
    })
}

impl Checker<'_> {
    pub(super) fn kafka(&mut self, kafka: shape::Kafka, pipeline: &str) -> KafkaSettings {
        let topics = self.topics(kafka.topics, kafka.topics_regex);
        self.brokers(&kafka.brokers);
        // Before the properties are consumed: the two exclude each other.
        let authentication = kafka.authentication.map(|it| self.authentication(it, &kafka.properties));
        let properties = kafka.properties.into_iter().filter_map(|(key, value)| {
            let value = self.property(&key, value)?;
            Some((key, value))
        });
        KafkaSettings {
            authentication,
            properties: properties.collect(),
            brokers: kafka.brokers.join(","),
            topics,
            group: self.group(kafka.group, pipeline),
            start: kafka.start,
        }
    }

    fn brokers(&mut self, brokers: &[String]) {
        // librdkafka splits each at commas itself, so an address with a comma is two.
        let brokers: Vec<&str> = brokers.iter().flat_map(|list| list.split(',')).map(str::trim).collect();
        let are_addresses = brokers.iter().all(|broker| match broker.rsplit_once(':') {
            // From the right, because an IPv6 address has colons of its own.
            Some((host, port)) => is_host(host) && port.parse::<u16>().is_ok_and(|port| port > 0),
            None => is_host(broker),
        });
        if brokers.is_empty() || !are_addresses {
            let fault = Diagnostic::new("E0106", "`source.kafka.brokers` is not a list of addresses")
                .label("such as `host:9092`");
            self.fault(&["source", "kafka", "brokers"], fault);
        }
    }

    fn group(&mut self, group: Option<String>, pipeline: &str) -> String {
        if group.as_ref().is_some_and(|group| group.trim().is_empty()) {
            let fault = Diagnostic::new("E0107", "`source.kafka.group` is empty")
                .label(format!("remove it for `sluicebox-{pipeline}`, or name a group"));
            self.fault(&["source", "kafka", "group"], fault);
        }
        group.unwrap_or_else(|| format!("sluicebox-{pipeline}"))
    }

    fn topics(&mut self, names: Vec<String>, pattern: Option<String>) -> Topics {
        const PATH: [&str; 2] = ["source", "kafka"];
        match (names.is_empty(), pattern) {
            (false, None) => {
                for name in names.iter().filter(|name| !is_topic_name(name)) {
                    let mut fault = Diagnostic::new("E0107", format!("`{name}` cannot name a Kafka topic"))
                        .label("letters, digits, `.`, `_` and `-`, at most 249");
                    if name.starts_with('^') {
                        fault = fault.help("use `topics_regex` for topics by pattern");
                    }
                    self.fault(&[PATH[0], PATH[1], "topics"], fault);
                }
                let mut seen = BTreeSet::new();
                // `insert` says whether the name is new, so the first that is not is the twin.
                if let Some(twin) = names.iter().find(|name| !seen.insert(name.as_str())) {
                    let fault =
                        Diagnostic::new("E0107", format!("`topics` names `{twin}` twice")).label("name it once");
                    self.fault(&[PATH[0], PATH[1], "topics"], fault);
                }
                Topics::Named(names)
            }
            (true, Some(pattern)) => {
                self.pattern(&pattern);
                Topics::Matching(pattern)
            }
            (true, None) => {
                let fault = Diagnostic::new("E0108", "`source.kafka` names no topics")
                    .label("add `topics: [name, …]` or `topics_regex: \"^prefix\"` below this");
                self.key_fault(&PATH, fault);
                Topics::Named(names)
            }
            (false, Some(_)) => {
                let fault = Diagnostic::new("E0108", "`topics` and `topics_regex` exclude each other")
                    .label("keep one of them");
                self.key_fault(&[PATH[0], PATH[1], "topics_regex"], fault);
                Topics::Named(names)
            }
        }
    }

    fn pattern(&mut self, pattern: &str) {
        const PATH: [&str; 3] = ["source", "kafka", "topics_regex"];
        // Unanchored, `orders` would match `my-orders-old`, too.
        if !pattern.starts_with('^') {
            let fault = Diagnostic::new("E0108", "`topics_regex` does not begin with `^`")
                .label(format!("a pattern matches from the beginning of the name: write `^{pattern}`"));
            self.fault(&PATH, fault);
        } else if let Err(error) = regex::Regex::new(pattern) {
            let reason = error.to_string();
            let reason = reason.lines().last().unwrap_or_default().trim().trim_start_matches("error: ");
            self.fault(
                &PATH,
                Diagnostic::new("E0108", format!("`topics_regex` is not a regular expression: {reason}")),
            );
        }
    }

    fn property(&mut self, key: &str, value: Property) -> Option<Secret> {
        let path = ["source", "kafka", "properties", key];
        if let Some((_, instead)) = RESERVED.iter().find(|(reserved, _)| *reserved == key) {
            self.key_fault(
                &path,
                Diagnostic::new("E0109", format!("`{key}` is set by Sluicebox itself")).label(*instead),
            );
            return None;
        }
        match value {
            // Only in the file, which is kept in repositories and shown in messages.
            Property::Plain(_) if SECRET.contains(&key) && !self.is_overridden(&path) => {
                let fault = Diagnostic::new("E0114", format!("`{key}` is a secret in plain text"))
                    .label("write `{env: NAME}` or `{file: path}`");
                self.key_fault(&path, fault);
                None
            }
            Property::Plain(text) => Some(Secret::new(text)),
            Property::From(Reference::Env(name)) => std::env::var(&name).map(Secret::new).map_or_else(
                |_| {
                    let fault = Diagnostic::new(
                        "E0111",
                        format!("`{key}` comes from the environment variable `{name}`, which is not set"),
                    )
                    .label("set the variable, or name another one");
                    self.key_fault(&path, fault);
                    None
                },
                Some,
            ),
            Property::From(Reference::File(file)) => match std::fs::read_to_string(self.absolute(&file)) {
                // Editors and `echo` end a file with a line end that does not belong to the secret; spaces may.
                Ok(text) => Some(Secret::new(text.trim_end_matches(['\r', '\n']))),
                Err(error) => {
                    let fault = Diagnostic::new(
                        "E0111",
                        format!("`{key}` comes from the file `{file}`, which cannot be read: {error}"),
                    )
                    .label("paths are relative to this YAML file");
                    self.key_fault(&path, fault);
                    None
                }
            },
        }
    }

    /// An override from the environment may contain a secret in plain text.
    fn is_overridden(&self, path: &[&str]) -> bool {
        matches!(self.root.blame(path), Place::Environment(_))
    }
}
