//! Whether a row that was read back fits a Delta table, as the host judges it before it writes one.

use serde_json::Value;

use crate::{
    Date, NaiveTimestamp, Timestamp,
    description::{DataType, Field},
};

/// The code of a record with a row that does not fit.
pub(super) const CODE: &str = "schema_misfit";

/// Whether all dates and times of a row are in the years 1 to 9999.
pub(super) fn fits(fields: &[Field], row: &Value) -> bool {
    fields.iter().all(|field| row.get(&field.name).is_none_or(|value| value_fits(&field.data_type, value)))
}

fn value_fits(data_type: &DataType, value: &Value) -> bool {
    match (data_type, value) {
        // A year of more or fewer digits is not read.
        (DataType::Date, Value::String(text)) => Date::parse(text).is_ok_and(has_year),
        (DataType::Timestamp, Value::String(text)) => Timestamp::parse(text).is_ok_and(|at| has_year(at.date())),
        (DataType::TimestampNtz, Value::String(text)) => {
            NaiveTimestamp::parse(text).is_ok_and(|at| has_year(at.date()))
        }
        (DataType::List(item), Value::Array(items)) => items.iter().all(|value| value_fits(&item.data_type, value)),
        (DataType::Map { value, .. }, Value::Object(entries)) => {
            entries.values().all(|entry| value_fits(&value.data_type, entry))
        }
        (DataType::Struct(fields), row) => fits(fields, row),
        _ => true,
    }
}

fn has_year(day: Date) -> bool {
    (1..=9999).contains(&day.civil().0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_years_1_and_9999_are_the_edges() {
        let field =
            |name: &str, data_type| Field { name: name.to_owned(), data_type, nullable: true, properties: Vec::new() };
        let times = DataType::List(Box::new(field("element", DataType::Timestamp)));
        let fields = [field("day", DataType::Date), field("s", DataType::Struct(vec![field("times", times)]))];
        let day = |days: i32| fits(&fields, &json!({"day": Date::from_days(days), "s": null}));
        assert_eq!([-719_163, -719_162, 2_932_896, 2_932_897].map(day), [false, true, true, false]);
        let nanoseconds = Timestamp::from_milliseconds(1_709_209_800_000_000_000);
        assert!(fits(&fields, &json!({"s": {"times": [null, Timestamp::from_milliseconds(1_709_209_800_000)]}})));
        assert!(!fits(&fields, &json!({"s": {"times": [nanoseconds]}})));
    }
}
