//! The pipeline file of the demo: the one that a user would write, with flushes so small that there is a middle.

use std::path::Path;

use sluicebox_console::exit::{Blame as _, Failure};

use super::TOPIC;

/// Writes the file.
pub(super) fn write(file: &Path, wasm: &Path, brokers: &str, records: usize) -> Result<(), Failure> {
    let text = format!(
        "name: demo
source:
  kafka:
    brokers: {brokers}
    topics: [{TOPIC}]
    properties:
      # The brokers give up a killed worker after this time; Kafka's default is 45 seconds. The mock needs more than the
      # three seconds for which it holds back the first assignment.
      session.timeout.ms: 3500
      heartbeat.interval.ms: 500
transform: {{wasm: {wasm}}}
tables:
  orders: {{path: tables/orders}}
dead_letters: {{path: tables/orders_dlq}}
# Small flushes, so that there is a middle to be killed in.
batch: {{records_max: 500}}
flush: {{rows_max: {rows_max}, interval: 2s}}
",
        brokers = quoted(brokers),
        wasm = quoted(&wasm.display().to_string()),
        rows_max = records / 20,
    );
    std::fs::write(file, text).environment(format!("cannot write {}", file.display()))
}

/// A JSON string is a YAML string.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicebox_settings::Document;

    #[test]
    fn the_file_is_a_pipeline() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pipeline.yaml");
        let wasm = folder.path().join("with \"quotes\".wasm");
        std::fs::write(&wasm, "").unwrap();
        write(&file, &wasm, "127.0.0.1:9092,127.0.0.1:9093", 50_000).unwrap();
        let document = Document::load(&file).unwrap();
        assert_eq!(document.settings().name.to_string(), "demo");
    }
}
