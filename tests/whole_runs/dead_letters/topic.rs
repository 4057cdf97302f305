//! Dead letters in a topic as well: the original record, and Kafka Connect's headers.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use sluicebox_tests::kafka::{Cluster, Message};
use sluicebox_tests::tables;

use crate::kafka::source;
use crate::orders;

#[test]
fn dead_letters_go_to_a_topic_with_their_reason() -> Result<()> {
    needs!(kafka, readers);
    let cluster = Cluster::shared()?;
    let feed = orders::feed("lettered", 500);
    feed.produce(cluster)?;
    cluster.create_topic("lettered-dlq", 2, &[])?;
    let mut pipeline = orders::pipeline("lettered", source(cluster, &["lettered"]))?;
    pipeline.settings["dead_letters"]["topic"] = json!("lettered-dlq");
    pipeline.drain()?;
    orders::ensure_exactly_once(&pipeline, &[&feed])?;

    let sent: Vec<Message> = [cluster.read("lettered-dlq", 0)?, cluster.read("lettered-dlq", 1)?]
        .concat()
        .into_iter()
        .map(|p| p.message)
        .collect();
    let letters = tables::rows(&pipeline.table("dead_letters"))?;
    ensure!(sent.len() == letters.len() && sent.len() == 20, "{} sent, {} kept", sent.len(), letters.len());
    for letter in &letters {
        let message = sent
            .iter()
            .find(|message| {
                header(message, "__connect.errors.partition") == Some(letter["partition"].to_string())
                    && header(message, "__connect.errors.offset") == Some(letter["offset"].to_string())
            })
            .with_context(|| format!("not sent: {letter}"))?;
        let hex =
            |bytes: &Option<Vec<u8>>| bytes.iter().flatten().map(|byte| format!("{byte:02x}")).collect::<String>();
        ensure!(letter["key"] == hex(&message.key) && letter["value"] == hex(&message.value), "other bytes: {letter}");
        ensure!(header(message, "__connect.errors.topic").as_deref() == Some("lettered"));
        ensure!(header(message, "__connect.errors.connector.name").as_deref() == Some("lettered"));
        ensure!(header(message, "__connect.errors.exception.class.name").as_deref() == letter["code"].as_str());
        ensure!(header(message, "__connect.errors.exception.message").as_deref() == letter["message"].as_str());
        ensure!(header(message, "traceparent").is_some(), "its own headers are gone");
        ensure!(header(message, "sluicebox.id").is_some_and(|id| id.len() == 64));
    }
    Ok(())
}

fn header(message: &Message, name: &str) -> Option<String> {
    let (_, value) = message.headers.iter().find(|(header, _)| header == name)?;
    String::from_utf8(value.clone()?).ok()
}
