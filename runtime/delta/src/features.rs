//! Which tables of other writers Sluicebox can write to. Judges a table's protocol, properties and columns by what is in use: a
//! feature that is listed, but that no column or property uses, asks nothing of a writer that appends. Pure.
//!
//! Source of the rules: the Delta protocol, section "Table Features" and those of the features
//! (<https://github.com/delta-io/delta/blob/master/PROTOCOL.md>).

use std::collections::BTreeSet;
use std::fmt;

use deltalake::kernel::Protocol;
use serde_json::Value;

use crate::head::Traits;

/// The newest versions of the protocol that exist.
const READER_VERSION_MAX: i32 = 3;
const WRITER_VERSION_MAX: i32 = 7;

/// Features that ask nothing of a writer that appends, or nothing unless a column or property uses them.
const HARMLESS: [&str; 22] = [
    "allowColumnDefaults",
    "appendOnly",
    "changeDataFeed",
    "checkConstraints",
    "checkpointProtection",
    "clustering",
    "columnMapping",
    "deletionVectors",
    "domainMetadata",
    "generatedColumns",
    "icebergCompatV1",
    "icebergCompatV2",
    "identityColumns",
    "inCommitTimestamp",
    "invariants",
    "timestampNtz",
    "typeWidening",
    "typeWidening-preview",
    "v2Checkpoint",
    "vacuumProtocolCheck",
    "variantType",
    "variantType-preview",
];

/// What a column's metadata says, and what that means.
const COLUMN_RULES: [(&str, &str, &str); 5] = [
    ("delta.invariants", "an invariant", "drop the invariant, or move the rule into the transform"),
    (
        "delta.generationExpression",
        "a generation expression",
        "let the transform write the column, and make it a plain one",
    ),
    ("delta.identity.", "identity values", "make it a plain column"),
    ("CURRENT_DEFAULT", "a default value", "`ALTER TABLE … ALTER COLUMN … DROP DEFAULT`"),
    ("__CHAR_VARCHAR_TYPE_STRING", "a bounded length", "declare it as STRING"),
];

/// Something about a table that Sluicebox cannot honour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What the table has.
    pub what: String,
    /// What the operator can do.
    pub remedy: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.remedy)
    }
}

impl Refusal {
    pub(crate) fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what: what.into(), remedy: remedy.into() }
    }
}

/// Everything about the table that Sluicebox cannot honour when it appends rows.
pub(crate) fn refusals(table: &Traits) -> Vec<Refusal> {
    let mut refusals = protocol_refusals(&table.protocol);
    let properties = table.metadata.configuration();
    refusals.extend(properties.iter().filter_map(|(name, value)| property_refusal(name, value)));
    if table.is_clustered {
        refusals.push(Refusal::new("the table is clustered", "`ALTER TABLE … CLUSTER BY NONE`"));
    }
    let schema = serde_json::to_value(&table.metadata).ok();
    let schema = schema.as_ref().and_then(|metadata| metadata["schemaString"].as_str());
    let schema = schema.and_then(|text| serde_json::from_str::<Value>(text).ok()).unwrap_or_default();
    column_refusals(&schema, &mut Vec::new(), &mut refusals);
    // Properties come from a hash map: without an order the same table would give another message on each run.
    refusals.sort_by(|left, right| left.what.cmp(&right.what));
    refusals
}

fn protocol_refusals(protocol: &Protocol) -> Vec<Refusal> {
    let (reader, writer) = (protocol.min_reader_version(), protocol.min_writer_version());
    // The lists of features are not read then: in a protocol of tomorrow they may mean something else.
    if reader > READER_VERSION_MAX || writer > WRITER_VERSION_MAX {
        let what = format!("protocol version {reader} (readers), {writer} (writers)");
        return vec![Refusal::new(what, "use a newer Sluicebox, or a table of an older protocol")];
    }
    // The kernel's own type keeps no name of a feature that it does not know; its JSON does.
    let protocol = serde_json::to_value(protocol).unwrap_or_default();
    let listed =
        ["readerFeatures", "writerFeatures"].into_iter().filter_map(|list| protocol[list].as_array()).flatten();
    let unknown: BTreeSet<&str> =
        listed.filter_map(Value::as_str).filter(|feature| !HARMLESS.contains(feature)).collect();
    unknown.into_iter().map(feature_refusal).collect()
}

fn feature_refusal(feature: &str) -> Refusal {
    Refusal::new(
        format!("table feature `{feature}`"),
        format!("`ALTER TABLE … DROP FEATURE {feature}`, or name another table"),
    )
}

fn property_refusal(name: &str, value: &str) -> Option<Refusal> {
    if let Some(constraint) = name.strip_prefix("delta.constraints.") {
        let remedy = format!("`ALTER TABLE … DROP CONSTRAINT {constraint}`, and let the transform reject such records");
        return Some(Refusal::new(format!("CHECK constraint `{constraint}`"), remedy));
    }
    let is_on = match name {
        "delta.columnMapping.mode" => !value.eq_ignore_ascii_case("none"),
        "delta.enableInCommitTimestamps" | "delta.enableRowTracking" => value.eq_ignore_ascii_case("true"),
        name if name.starts_with("delta.enableIceberg") => value.eq_ignore_ascii_case("true"),
        _ => false,
    };
    let remedy = format!("`ALTER TABLE … UNSET TBLPROPERTIES ('{name}')`, or name another table");
    is_on.then(|| Refusal::new(format!("property `{name}` = `{value}`"), remedy))
}

/// Looks at each field of a schema, at any depth.
fn column_refusals(schema: &Value, path: &mut Vec<String>, refusals: &mut Vec<Refusal>) {
    for field in schema["fields"].as_array().into_iter().flatten() {
        path.push(field["name"].as_str().unwrap_or_default().to_owned());
        for (name, _) in field["metadata"].as_object().into_iter().flatten() {
            let rule =
                COLUMN_RULES.iter().find(|(key, ..)| name == key || (key.ends_with('.') && name.starts_with(key)));
            if let Some((_, what, remedy)) = rule {
                let refusal = Refusal::new(format!("column `{}` has {what}", path.join(".")), *remedy);
                // An identity column has several such keys.
                if !refusals.contains(&refusal) {
                    refusals.push(refusal);
                }
            }
        }
        column_refusals(&field["type"], path, refusals);
        path.pop();
    }
    // Lists and maps hold their members' types under these names.
    for inner in ["elementType", "keyType", "valueType"] {
        if schema[inner].is_object() {
            column_refusals(&schema[inner], path, refusals);
        }
    }
}
