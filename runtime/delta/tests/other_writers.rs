//! Tables that other writers have changed: each works, or is refused at once, by name. The changes are log entries as Spark and
//! Databricks write them.

use std::fs;
use std::path::Path;
use std::time::Duration;

use deltalake::kernel::{DataType, StructField};
use serde_json::{Value, json};
use sluicebox_delta::{Shape, Table, TableError};
use tempfile::TempDir;
use tokio::time::Instant;

/// What was done to a table, and what the refusal names; none if the table is fine.
struct Case {
    name: &'static str,
    protocol: Value,
    properties: Value,
    column: Value,
    refused: Option<&'static str>,
}

fn shape() -> Shape {
    let columns = vec![StructField::nullable("id", DataType::LONG), StructField::nullable("text", DataType::STRING)];
    Shape { columns, partition_columns: Vec::new() }
}

fn case(name: &'static str, protocol: Value, properties: Value, column: Value, refused: Option<&'static str>) -> Case {
    Case { name, protocol, properties, column, refused }
}

/// A protocol that lists features.
fn listed(features: &[&str]) -> Value {
    let for_readers = [
        "catalogManaged",
        "columnMapping",
        "deletionVectors",
        "timestampNtz",
        "typeWidening",
        "v2Checkpoint",
        "vacuumProtocolCheck",
    ];
    // The protocol wants a feature of readers in both lists, and one of writers in theirs alone.
    let reader: Vec<&&str> = features.iter().filter(|feature| for_readers.contains(feature)).collect();
    json!({"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": reader, "writerFeatures": features})
}

fn legacy(writer: i32) -> Value {
    // Column mapping came with writer version 5 and is the only one that changed readers.
    json!({"minReaderVersion": if writer >= 5 { 2 } else { 1 }, "minWriterVersion": writer})
}

fn cases() -> Vec<Case> {
    [harmless(), refused()].into_iter().flatten().collect()
}

fn none() -> Value {
    json!({})
}

fn harmless() -> Vec<Case> {
    vec![
        case("writer version 2", legacy(2), none(), none(), None),
        case("writer version 3", legacy(3), none(), none(), None),
        case("writer version 4", legacy(4), none(), none(), None),
        case("writer version 6", legacy(6), none(), none(), None),
        case("a comment", legacy(2), none(), json!({"comment": "the order's number"}), None),
        case("append-only", legacy(2), json!({"delta.appendOnly": "true"}), none(), None),
        case(
            "deletion vectors",
            listed(&["deletionVectors"]),
            json!({"delta.enableDeletionVectors": "true"}),
            none(),
            None,
        ),
        case(
            "change data feed",
            listed(&["changeDataFeed"]),
            json!({"delta.enableChangeDataFeed": "true"}),
            none(),
            None,
        ),
        case("V2 checkpoints", listed(&["v2Checkpoint"]), json!({"delta.checkpointPolicy": "v2"}), none(), None),
        case("invariants, unused", listed(&["invariants", "appendOnly"]), none(), none(), None),
        case("constraints, unused", listed(&["checkConstraints"]), none(), none(), None),
        case("generated columns, unused", listed(&["generatedColumns", "identityColumns"]), none(), none(), None),
        case("vacuum check", listed(&["vacuumProtocolCheck"]), none(), none(), None),
        case("clustering, unused", listed(&["clustering", "domainMetadata"]), none(), none(), None),
        case("in-commit timestamps, unused", listed(&["inCommitTimestamp"]), none(), none(), None),
        case("defaults, unused", listed(&["allowColumnDefaults"]), none(), none(), None),
        case("column mapping, off", legacy(5), json!({"delta.columnMapping.mode": "none"}), none(), None),
    ]
}

fn refused() -> Vec<Case> {
    let invariant = json!({"delta.invariants": "{\"expression\":{\"expression\":\"id > 3\"}}"});
    vec![
        case(
            "a constraint",
            legacy(3),
            json!({"delta.constraints.positive": "id > 0"}),
            none(),
            Some("CHECK constraint `positive`"),
        ),
        case("an invariant", legacy(2), none(), invariant, Some("column `id` has an invariant")),
        case(
            "a generated column",
            legacy(4),
            none(),
            json!({"delta.generationExpression": "1 + 1"}),
            Some("a generation expression"),
        ),
        case(
            "an identity column",
            legacy(6),
            none(),
            json!({"delta.identity.start": 1, "delta.identity.step": 1}),
            Some("identity values"),
        ),
        case(
            "a default",
            listed(&["allowColumnDefaults"]),
            none(),
            json!({"CURRENT_DEFAULT": "7"}),
            Some("a default value"),
        ),
        case(
            "VARCHAR",
            legacy(2),
            none(),
            json!({"__CHAR_VARCHAR_TYPE_STRING": "varchar(3)"}),
            Some("a bounded length"),
        ),
        case(
            "row tracking",
            listed(&["rowTracking", "domainMetadata"]),
            none(),
            none(),
            Some("table feature `rowTracking`"),
        ),
        case("a catalog's table", listed(&["catalogManaged"]), none(), none(), Some("catalog-managed")),
        case("a feature of tomorrow", listed(&["tomorrow"]), none(), none(), Some("table feature `tomorrow`")),
        case("a protocol of tomorrow", legacy(8), none(), none(), Some("8")),
        case(
            "in-commit timestamps",
            listed(&["inCommitTimestamp"]),
            json!({"delta.enableInCommitTimestamps": "true"}),
            none(),
            Some("delta.enableInCommitTimestamps"),
        ),
        case(
            "Iceberg compatibility",
            listed(&["icebergCompatV2"]),
            json!({"delta.enableIcebergCompatV2": "true"}),
            none(),
            Some("delta.enableIcebergCompatV2"),
        ),
    ]
}

/// Adds a log entry with the table's protocol, properties and first column changed.
fn change(table: &Path, case: &Case) {
    let log = table.join("_delta_log");
    let entry = fs::read_to_string(log.join("00000000000000000000.json")).expect("version 0");
    let actions = entry.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let mut metadata = actions.filter_map(|action| action.get("metaData").cloned()).next().expect("metadata");
    metadata["configuration"] = case.properties.clone();
    let mut schema: Value = serde_json::from_str(metadata["schemaString"].as_str().expect("text")).expect("JSON");
    schema["fields"][0]["metadata"] = case.column.clone();
    metadata["schemaString"] = schema.to_string().into();
    let entry = format!("{}\n{}\n", json!({"protocol": case.protocol}), json!({"metaData": metadata}));
    fs::write(log.join("00000000000000000001.json"), entry).expect("written");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_works_or_is_refused_by_name() {
    for case in cases() {
        let folder = TempDir::new().expect("a folder");
        let location = folder.path().to_str().expect("UTF-8");
        drop(Table::open("p", "t", location, &shape()).await.expect("is created"));
        change(folder.path(), &case);

        let started = Instant::now();
        let checked = Table::check("t", location, &shape()).await.map(drop);
        let opened = Table::open("p", "t", location, &shape()).await.map(drop);
        // A refusal that is retried first would pass the assertions below, and keep an operator waiting.
        assert!(started.elapsed() < Duration::from_secs(2), "{}: took {:?}", case.name, started.elapsed());
        for result in [checked, opened] {
            match (result, case.refused) {
                (Ok(()), None) => {}
                (Err(error @ TableError::Unsupported { .. }), Some(named)) => {
                    assert!(error.to_string().contains(named), "{}: {error}", case.name);
                }
                (Ok(()), Some(_)) => panic!("{}: is not refused", case.name),
                (Err(error), _) => panic!("{}: {error}", case.name),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_changes_while_it_is_open_is_judged_again() {
    let folder = TempDir::new().expect("a folder");
    let location = folder.path().to_str().expect("UTF-8");
    let mut table = Table::open("p", "t", location, &shape()).await.expect("is created");
    let constraint = cases().into_iter().find(|case| case.name == "a constraint").expect("there is one");
    change(folder.path(), &constraint);
    let error = table.read_ledger(&[]).await.expect_err("is refused");
    assert!(matches!(error, TableError::Unsupported { .. }), "{error}");
}
