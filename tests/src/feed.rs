//! Records on their way to a topic, with the position that each will have there.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::kafka::{Cluster, Message};

/// A message at its place in a topic.
#[derive(Debug, Clone)]
pub struct Placed {
    /// The offset in the message's partition.
    pub offset: i64,
    /// What is there.
    pub message: Message,
}

/// All that a topic holds, in the order in which it was produced.
#[derive(Debug, Clone, Default)]
pub struct Feed {
    /// The topic's name.
    pub topic: String,
    /// Its records.
    pub records: Vec<Placed>,
    next: BTreeMap<i32, i64>,
}

impl Feed {
    /// An empty topic.
    pub fn new(topic: &str) -> Self {
        Self { topic: topic.to_owned(), ..Self::default() }
    }

    /// Notes a message where Kafka will put it: at the next offset of its partition.
    pub fn push(&mut self, message: Message) {
        let next = self.next.entry(message.partition).or_default();
        self.records.push(Placed { offset: *next, message });
        *next += 1;
    }

    /// What a consumer of committed transactions finds in a topic: fewer records than were sent, where some were
    /// aborted or compacted away.
    pub fn read(cluster: &Cluster, topic: &str, partitions: i32) -> Result<Self> {
        let mut feed = Self::new(topic);
        for partition in 0..partitions {
            feed.records.extend(cluster.read(topic, partition)?);
            feed.next.insert(partition, cluster.offsets(topic, partition)?.1);
        }
        Ok(feed)
    }

    /// The offset after the last of a partition.
    pub fn end(&self, partition: i32) -> i64 {
        self.next.get(&partition).copied().unwrap_or_default()
    }

    /// Creates the topic, with as many partitions as the records name, and produces all.
    pub fn produce(&self, cluster: &Cluster) -> Result<()> {
        let partitions = self.next.keys().last().map_or(1, |last| last + 1);
        cluster.create_topic(&self.topic, partitions, &[("max.message.bytes", "16777216")])?;
        cluster.produce(&self.topic, self.records.iter().map(|record| &record.message))
    }

    /// Writes the records as the file source reads them, one JSON object a line; binary as base64.
    pub fn write_jsonl(&self, path: &Path) -> Result<()> {
        let lines = self.records.iter().map(|Placed { offset, message }| {
            json!({
                "topic": self.topic,
                "partition": message.partition,
                "offset": offset,
                "timestamp": message.timestamp,
                "key_base64": message.key.as_deref().map(|bytes| STANDARD.encode(bytes)),
                "value_base64": message.value.as_deref().map(|bytes| STANDARD.encode(bytes)),
                "headers": message.headers.iter().map(|(name, value)| {
                    json!([name, value.as_deref().map(String::from_utf8_lossy)])
                }).collect::<Vec<_>>(),
            })
        });
        let lines: Vec<String> = lines.map(|line| line.to_string()).collect();
        Ok(fs::write(path, lines.join("\n") + "\n")?)
    }
}

impl Extend<Message> for Feed {
    fn extend<I: IntoIterator<Item = Message>>(&mut self, messages: I) {
        messages.into_iter().for_each(|message| self.push(message));
    }
}

/// The messages of a sample's input, `cases/<case>/input.jsonl`, all in partition 0.
pub fn read_jsonl(path: &Path) -> Result<Vec<Message>> {
    let text = fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))?;
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(number, line)| message(line).with_context(|| format!("{}:{}", path.display(), number + 1)))
        .collect()
}

fn message(line: &str) -> Result<Message> {
    let line: Value = serde_json::from_str(line)?;
    let headers = line.get("headers").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let headers = headers.iter().map(|pair| {
        let name = pair.get(0).and_then(Value::as_str).context("a header without a name")?;
        Ok((name.to_owned(), pair.get(1).and_then(Value::as_str).map(|value| value.as_bytes().to_vec())))
    });
    Ok(Message {
        partition: 0,
        key: bytes(&line, "key")?,
        value: bytes(&line, "value")?,
        headers: headers.collect::<Result<_>>()?,
        // A record without a time, or with time 0, would get the producer's clock.
        timestamp: Some(line.get("timestamp").and_then(Value::as_i64).unwrap_or(1)),
    })
}

/// `name` as text or as JSON, or `name_base64`.
fn bytes(line: &Value, name: &str) -> Result<Option<Vec<u8>>> {
    match (line.get(name), line.get(format!("{name}_base64"))) {
        (None | Some(Value::Null), None | Some(Value::Null)) => Ok(None),
        (Some(Value::String(text)), None) => Ok(Some(text.clone().into_bytes())),
        (Some(json), None) => Ok(Some(json.to_string().into_bytes())),
        (None, Some(Value::String(text))) => Ok(Some(STANDARD.decode(text)?)),
        _ => bail!("`{name}` and `{name}_base64` do not go together"),
    }
}
