//! From the shape of a file to settings: defaults filled in, paths made absolute, secrets fetched, nonsense refused.
//!
//! Collects all faults before it gives up, so that one run names them all. Does not look into the transform.

mod aws;
mod transform;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::diagnostic::Diagnostic;
use super::names::{is_pipeline_name, is_table_name, is_topic_name};
use super::shape::{self, Property, Reference};
use super::tree::Node;
use super::{
    BatchSettings, BreakerSettings, DeadLetterSettings, DeadLetterTopic, FilePath, FileSettings, FlushSettings,
    HttpSettings, KafkaSettings, LambdaSettings, RecordFormat, Secret, Settings, SourceSettings, Start, TableSettings,
    Topics,
};

/// librdkafka's properties that Sluicebox sets itself, and what to use instead.
const RESERVED: [(&str, &str); 9] = [
    ("auto.offset.reset", "use `source.kafka.start`"),
    ("bootstrap.servers", "use `source.kafka.brokers`"),
    ("enable.auto.commit", "remove it: offsets are committed after the tables"),
    ("enable.auto.offset.store", "remove it: offsets are committed after the tables"),
    ("enable.partition.eof", "remove it: `run --drain` stops at the end by itself"),
    ("group.id", "use `source.kafka.group`"),
    ("isolation.level", "remove it: only committed records are ever read"),
    ("metadata.broker.list", "use `source.kafka.brokers`"),
    ("partition.assignment.strategy", "remove it: rebalancing is cooperative"),
];

/// Below `sluicebox_delta::STAGED_AGE_MAX`, with time for the commit itself.
const FLUSH_INTERVAL_MAX: Duration = Duration::from_secs(30 * 60);

/// librdkafka's properties whose value must not stand in a file.
const SECRET: [&str; 5] =
    ["sasl.password", "sasl.oauthbearer.client.secret", "ssl.key.password", "ssl.key.pem", "ssl.keystore.password"];

/// Turns the shape of a file that lies in `folder` into settings, or says all that is wrong with it.
pub(super) fn check(shape: shape::Pipeline, root: &Node, folder: &Path) -> Result<Settings, Vec<Diagnostic>> {
    let mut checker = Checker { root, folder, faults: Vec::new() };
    checker.pipeline_name(&shape.name);
    let source = match shape.source {
        shape::Source::Kafka(kafka) => SourceSettings::Kafka(checker.kafka(kafka, &shape.name)),
        shape::Source::File(file) => SourceSettings::File(checker.file(file, &shape.name)),
    };
    let settings = Settings {
        dead_letters: checker.dead_letters(shape.dead_letters, &source),
        source,
        transform: checker.transform(shape.transform),
        tables: checker.tables(shape.tables),
        flush: checker.flush(&shape.flush),
        batch: checker.batch(&shape.batch),
        breaker: checker.breaker(&shape.breaker),
        http: shape.http.and_then(|http| checker.http(&http)),
        s3: checker.s3(shape.s3),
        lambda: checker.lambda(&shape.lambda),
        provenance: shape.provenance,
        name: shape.name,
    };
    checker.distinct_paths(&settings);
    if checker.faults.is_empty() { Ok(settings) } else { Err(checker.faults) }
}

struct Checker<'a> {
    root: &'a Node,
    folder: &'a Path,
    faults: Vec<Diagnostic>,
}

impl Checker<'_> {
    /// Notes a fault of the value at a path of keys.
    fn fault(&mut self, path: &[&str], fault: Diagnostic) {
        let place = self.root.blame(path);
        self.faults.push(fault.at(place));
    }

    /// Notes a fault of the key at a path of keys.
    fn key_fault(&mut self, path: &[&str], fault: Diagnostic) {
        let place = self.root.blame_key(path);
        self.faults.push(fault.at(place));
    }

    fn absolute(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }

    fn pipeline_name(&mut self, name: &str) {
        if !is_pipeline_name(name) {
            let fault = Diagnostic::new("E0107", format!("`{name}` cannot name a pipeline"))
                .label("letters, digits, `.`, `_` and `-`, at most 100, beginning with a letter or digit");
            self.fault(&["name"], fault);
        }
    }

    fn kafka(&mut self, kafka: shape::Kafka, pipeline: &str) -> KafkaSettings {
        let topics = self.topics(kafka.topics, kafka.topics_regex);
        self.brokers(&kafka.brokers);
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
            group: kafka.group.unwrap_or_else(|| format!("sluicebox-{pipeline}")),
            start: match kafka.start {
                shape::Start::Earliest => Start::Earliest,
                shape::Start::Latest => Start::Latest,
            },
        }
    }

    fn brokers(&mut self, brokers: &[String]) {
        let brokers: Vec<&str> = brokers.iter().flat_map(|list| list.split(',')).map(str::trim).collect();
        let is_address = |broker: &&str| match broker.rsplit_once(':') {
            Some((host, port)) => !host.is_empty() && port.parse::<u16>().is_ok(),
            None => !broker.is_empty(),
        };
        if brokers.is_empty() || !brokers.iter().all(is_address) {
            let fault =
                Diagnostic::new("E0106", "`source.kafka.brokers` is no list of addresses").label("such as `host:9092`");
            self.fault(&["source", "kafka", "brokers"], fault);
        }
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
        if !pattern.starts_with('^') {
            let fault = Diagnostic::new("E0108", "`topics_regex` does not begin with `^`")
                .label(format!("librdkafka takes it for a plain name otherwise: write `^{pattern}`"));
            self.fault(&PATH, fault);
        } else if let Err(error) = regex::Regex::new(pattern) {
            let reason = error.to_string();
            let reason = reason.lines().last().unwrap_or_default().trim().trim_start_matches("error: ");
            self.fault(&PATH, Diagnostic::new("E0108", format!("`topics_regex` is no regular expression: {reason}")));
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
            Property::Plain(_) if SECRET.contains(&key) && !self.is_overridden(&path) => {
                let fault = Diagnostic::new("E0114", format!("`{key}` is a secret, and stands here in plain text"))
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

    /// A secret may come from the environment in any way.
    fn is_overridden(&self, path: &[&str]) -> bool {
        matches!(self.root.blame(path), super::tree::Place::Environment(_))
    }

    fn file(&mut self, file: shape::File, pipeline: &str) -> FileSettings {
        let path = match file.path.as_str() {
            "-" => FilePath::Stdin,
            path => FilePath::Path(self.absolute(path)),
        };
        if let FilePath::Path(path) = &path
            && !path.exists()
        {
            let fault = Diagnostic::new("E0110", format!("there is no file or folder {}", path.display()))
                .label("paths are relative to this YAML file");
            self.fault(&["source", "file", "path"], fault);
        }
        let topic = file.topic.unwrap_or_else(|| pipeline.to_owned());
        if !is_topic_name(&topic) {
            let fault = Diagnostic::new("E0107", format!("`{topic}` cannot name a Kafka topic"))
                .label("letters, digits, `.`, `_` and `-`, at most 249");
            self.fault(&["source", "file", "topic"], fault);
        }
        let format = match file.format {
            shape::Format::Jsonl => RecordFormat::JsonLines,
            shape::Format::Lines => RecordFormat::Lines,
        };
        FileSettings { path, format, topic }
    }

    fn tables(&mut self, tables: BTreeMap<String, shape::Table>) -> BTreeMap<String, TableSettings> {
        if tables.is_empty() {
            self.key_fault(
                &["tables"],
                Diagnostic::new("E0104", "`tables` is empty").label("add one entry for each table of the transform"),
            );
        }
        let mut placed = BTreeMap::new();
        for (name, table) in tables {
            if !is_table_name(&name) {
                let fault = Diagnostic::new("E0107", format!("`{name}` cannot name a table"))
                    .label("lower case letters, digits and `_`, not beginning with `_`");
                self.key_fault(&["tables", &name], fault);
            }
            let table = self.table(&table, &["tables", &name]);
            placed.insert(name, table);
        }
        placed
    }

    fn table(&mut self, table: &shape::Table, path: &[&str]) -> TableSettings {
        let path = [path, &["path"]].concat();
        match table.path.split_once("://") {
            None if table.path.is_empty() => {
                self.fault(&path, Diagnostic::new("E0106", "a table's path is empty").label("give a folder"));
            }
            Some((scheme, _)) if !["file", "s3"].contains(&scheme) => {
                let fault = Diagnostic::new("E0115", format!("tables at `{scheme}://` are not supported"))
                    .label("give a folder, a `file://` URL or an `s3://` URL");
                self.fault(&path, fault);
            }
            Some(_) => return TableSettings { path: table.path.clone() },
            None => {}
        }
        TableSettings { path: self.absolute(&table.path).to_string_lossy().into_owned() }
    }

    fn dead_letters(&mut self, letters: shape::DeadLetters, source: &SourceSettings) -> DeadLetterSettings {
        const PATH: [&str; 2] = ["dead_letters", "topic"];
        if let Some(topic) = &letters.topic {
            if !is_topic_name(topic) {
                let fault = Diagnostic::new("E0107", format!("`{topic}` cannot name a Kafka topic"))
                    .label("letters, digits, `.`, `_` and `-`, at most 249");
                self.fault(&PATH, fault);
            }
            match source {
                SourceSettings::File(_) => {
                    let fault = Diagnostic::new("E0116", "`dead_letters.topic` needs a Kafka source")
                        .label("remove it: the brokers of `source.kafka` would take the dead letters");
                    self.key_fault(&PATH, fault);
                }
                SourceSettings::Kafka(kafka) if kafka.topics.take_in(topic) => {
                    let fault = Diagnostic::new("E0116", format!("the source reads `{topic}` as well"))
                        .label("dead letters would be judged again and again: name another topic");
                    self.fault(&PATH, fault);
                }
                SourceSettings::Kafka(_) => {}
            }
        }
        let table = self.table(&shape::Table { path: letters.path }, &["dead_letters"]);
        DeadLetterSettings { path: table.path, topic: letters.topic.map(|name| DeadLetterTopic { name }) }
    }

    /// Two tables in one folder would take each other's rows and ledgers for their own.
    fn distinct_paths(&mut self, settings: &Settings) {
        let mut taken: BTreeMap<&str, &str> = BTreeMap::new();
        let tables = settings.tables.iter().map(|(name, table)| (vec!["tables", name.as_str()], &table.path));
        for (keys, path) in tables.chain([(vec!["dead_letters"], &settings.dead_letters.path)]) {
            let name = keys.last().copied().unwrap_or_default();
            if let Some(other) = taken.insert(path.trim_end_matches('/'), name) {
                let fault = Diagnostic::new("E0112", format!("`{other}` and `{name}` lie at the same path"))
                    .label("each table needs a folder of its own");
                self.fault(&[keys.as_slice(), &["path"]].concat(), fault);
            }
        }
    }

    fn flush(&mut self, flush: &shape::Flush) -> FlushSettings {
        self.positive(flush.rows_max as u64, &["flush", "rows_max"]);
        self.positive(flush.bytes_max, &["flush", "bytes_max"]);
        self.positive(flush.interval.as_millis() as u64, &["flush", "interval"]);
        if flush.interval > FLUSH_INTERVAL_MAX {
            let fault = Diagnostic::new("E0113", "`flush.interval` must be at most 30 minutes")
                .label("files that wait longer for their commit count as left behind");
            self.fault(&["flush", "interval"], fault);
        }
        FlushSettings { rows_max: flush.rows_max, bytes_max: flush.bytes_max, interval: flush.interval }
    }

    fn batch(&mut self, batch: &shape::Batch) -> BatchSettings {
        self.positive(batch.records_max as u64, &["batch", "records_max"]);
        self.positive(batch.bytes_max, &["batch", "bytes_max"]);
        BatchSettings { records_max: batch.records_max, bytes_max: batch.bytes_max }
    }

    fn breaker(&mut self, breaker: &shape::Breaker) -> Option<BreakerSettings> {
        let shape::Breaker::On(limits) = breaker else { return None };
        self.positive(limits.window_records, &["breaker", "window_records"]);
        if !(0.0..1.0).contains(&limits.rejected_share_max) {
            let fault = Diagnostic::new("E0113", "`breaker.rejected_share_max` must be at least 0 and less than 1")
                .label("0.5 is half of the last records; write `breaker: off` for no limit");
            self.fault(&["breaker", "rejected_share_max"], fault);
        }
        Some(BreakerSettings { window_records: limits.window_records, rejected_share_max: limits.rejected_share_max })
    }

    fn http(&mut self, http: &shape::Http) -> Option<HttpSettings> {
        let listen = http.listen.parse().map_err(|_| {
            let fault = Diagnostic::new("E0106", "`http.listen` is no address and port")
                .label("such as `127.0.0.1:9090`, or `0.0.0.0:9090` for all interfaces");
            self.fault(&["http", "listen"], fault);
        });
        Some(HttpSettings { listen: listen.ok()? })
    }

    fn lambda(&mut self, lambda: &shape::Lambda) -> LambdaSettings {
        self.positive(lambda.timeout.as_millis() as u64, &["lambda", "timeout"]);
        let shape::Lambda { gaps, partial_responses, flush_reserve, timeout } = *lambda;
        LambdaSettings { gaps: gaps.into(), partial_responses, flush_reserve, timeout }
    }

    fn positive(&mut self, value: u64, path: &[&str]) {
        if value == 0 {
            let fault = Diagnostic::new("E0113", format!("`{}` must be more than zero", path.join(".")))
                .label("leave it out for the default");
            self.fault(path, fault);
        }
    }
}
