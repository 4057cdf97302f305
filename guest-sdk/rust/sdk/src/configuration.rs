//! Typed configuration: a `&Settings` parameter of the transform, read once per instance from the pipeline file's
//! `transform.configuration`.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

pub use crate::json::Error;

/// Settings of a transform. Derive it together with `serde::Deserialize`; doc comments become descriptions in the
/// JSON Schema that `sluicebox inspect` shows.
///
/// ```
/// # use sluicebox::prelude::*;
/// #[derive(Deserialize, Configuration)]
/// #[serde(deny_unknown_fields)]
/// struct Settings {
///     /// Orders below this are left out.
///     #[serde(default)]
///     amount_min: f64,
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a configuration",
    note = "a parameter `&T` other than `&Record` is the configuration: add `#[derive(Deserialize, Configuration)]` to `T`"
)]
pub trait Configuration: DeserializeOwned {
    /// JSON Schema of the settings, if they have one.
    #[must_use]
    fn schema() -> Option<String> {
        None
    }
}

/// The configuration of a transform that takes none: any key is an error.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

impl Configuration for Nothing {}

/// Reads a configuration.
///
/// # Errors
/// Where it is not JSON, or a setting is missing, unknown or of the wrong type; the error names the setting.
pub fn read<C: Configuration>(configuration: &str) -> Result<C, Error> {
    crate::json::from_slice(configuration.as_bytes())
}

/// One setting, for the schema.
#[derive(Debug, Clone, Copy)]
pub struct Property {
    name: &'static str,
    documentation: &'static str,
    kind: Option<&'static str>,
    required: bool,
}

impl Property {
    /// A setting of a field's type; `optional` where serde has a default for it.
    #[must_use]
    pub fn of<T>(name: &'static str, documentation: &'static str, optional: bool) -> Self {
        let written = std::any::type_name::<T>();
        let inner = written.strip_prefix("core::option::Option<").map(|rest| rest.trim_end_matches('>'));
        let kind = json_type(inner.unwrap_or(written));
        Self { name, documentation, kind, required: !optional && inner.is_none() }
    }
}

/// The JSON type of a Rust type; none where that is not plain, and the schema then leaves it open.
fn json_type(rust: &str) -> Option<&'static str> {
    Some(match rust {
        "bool" => "boolean",
        "f32" | "f64" => "number",
        "i8" | "i16" | "i32" | "i64" | "u8" | "u16" | "u32" | "u64" | "isize" | "usize" => "integer",
        "alloc::string::String" => "string",
        list if list.starts_with("alloc::vec::Vec<") => "array",
        _ => return None,
    })
}

/// The JSON Schema of an object with these properties; `strict` refuses others.
#[must_use]
pub fn schema(documentation: &str, strict: bool, properties: &[Property]) -> String {
    let described = |mut schema: Value, documentation: &str| {
        if !documentation.is_empty() {
            schema["description"] = documentation.into();
        }
        schema
    };
    let property = |property: &Property| {
        let schema = property.kind.map_or_else(|| json!({}), |kind| json!({"type": kind}));
        (property.name.to_owned(), described(schema, property.documentation))
    };
    let schema = json!({
        "type": "object",
        "properties": properties.iter().map(property).collect::<Map<_, _>>(),
        "required": properties.iter().filter(|property| property.required).map(|property| property.name).collect::<Vec<_>>(),
        "additionalProperties": !strict,
    });
    described(schema, documentation).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_says_types_and_what_is_required() {
        let properties = [
            Property::of::<f64>("minimum", "Lowest \"good\" amount.", true),
            Property::of::<Option<String>>("salt", "", false),
            Property::of::<Vec<u8>>("list", "", false),
            Property::of::<std::net::IpAddr>("address", "", false),
        ];
        let schema: serde_json::Value =
            serde_json::from_str(&schema("Settings.", true, &properties)).expect("it is JSON");
        assert_eq!(
            schema,
            serde_json::json!({
                "type": "object",
                "description": "Settings.",
                "properties": {
                    "minimum": {"type": "number", "description": "Lowest \"good\" amount."},
                    "salt": {"type": "string"},
                    "list": {"type": "array"},
                    "address": {},
                },
                "required": ["list", "address"],
                "additionalProperties": false,
            })
        );
    }

    #[test]
    fn a_transform_without_settings_refuses_any() {
        assert!(read::<Nothing>("{}").is_ok());
        let error = read::<Nothing>(r#"{"minimum": 1}"#).expect_err("an unknown setting");
        assert!(error.to_string().contains("minimum"), "{error}");
    }
}
