//! What a transform may use. Each limit has a published default, and each is enforced.
//!
//! The limits that decide a verdict give the same answer on a replay, on any machine (`docs/adr/0003-interruption.md`).

use std::fmt;
use std::time::Duration;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// What a transform may use. Sizes are written as a number of bytes or as `64MiB`, durations as `100ms`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Fuel for one record, a unit being about one wasm instruction. Default: 2,000,000,000 (about a second).
    pub record_fuel_max: u64,
    /// Wall-clock time of one call, after which its records are suspects, and each is run again under its fuel budget:
    /// never a verdict by itself. Default: 100 ms; at most 100 ms for each 2,000,000,000 of fuel.
    #[serde(deserialize_with = "duration", serialize_with = "write_duration")]
    pub call_duration_max: Duration,
    /// All linear memories of an instance together. Default: 128 MiB.
    #[serde(deserialize_with = "bytes")]
    pub memory_bytes_max: u64,
    /// The call stack of compiled code. Default: 512 KiB; at most 1 MiB.
    #[serde(deserialize_with = "bytes")]
    pub stack_bytes_max: u64,
    /// The rows or the rejection that one record gives, as they cross the boundary. Default: 16 MiB.
    #[serde(deserialize_with = "bytes")]
    pub record_output_bytes_max: u64,
    /// What one call returns; a batch that gives more is split. Default: 64 MiB.
    #[serde(deserialize_with = "bytes")]
    pub batch_output_bytes_max: u64,
    /// Rows that one record gives, over all tables. Default: 100,000.
    pub record_rows_max: u64,
    /// Log lines of one batch; what exceeds them is counted, not kept. Default: 100.
    pub batch_log_lines_max: u64,
    /// A log line; what exceeds it is cut off. Default: 4 KiB.
    #[serde(deserialize_with = "bytes")]
    pub log_line_bytes_max: u64,
    /// The component's file, before it is compiled. Default: 64 MiB.
    #[serde(deserialize_with = "bytes")]
    pub module_bytes_max: u64,
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

impl Default for Limits {
    fn default() -> Self {
        Limits {
            record_fuel_max: 2_000_000_000,
            call_duration_max: Duration::from_millis(100),
            memory_bytes_max: 128 * MIB,
            stack_bytes_max: 512 * KIB,
            record_output_bytes_max: 16 * MIB,
            batch_output_bytes_max: 64 * MIB,
            record_rows_max: 100_000,
            batch_log_lines_max: 100,
            log_line_bytes_max: 4 * KIB,
            module_bytes_max: 64 * MIB,
        }
    }
}

/// A limit that cannot be kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("limits.{field}: {reason}")]
pub struct LimitError {
    /// The field of [`Limits`].
    pub field: &'static str,
    /// What is wrong with it, and what is possible.
    pub reason: String,
}

impl Limits {
    /// Fuel that no processor burns in a millisecond: what makes a quick call proof of a small one.
    pub const FUEL_PER_MILLISECOND: u64 = 20_000_000;

    /// Whether the limits can be kept, and agree with each other.
    ///
    /// # Errors
    /// The first field that cannot.
    pub fn check(&self) -> Result<(), LimitError> {
        let quick_ms = self.record_fuel_max / Self::FUEL_PER_MILLISECOND;
        if self.call_duration_max.is_zero() || self.call_duration_max > Duration::from_millis(quick_ms) {
            let fuel = self.record_fuel_max;
            let reason = format!("must be above 0 and, with record_fuel_max at {fuel}, at most {quick_ms}ms");
            return fault("call_duration_max", reason);
        }
        if !(64 * KIB..=MIB).contains(&self.stack_bytes_max) {
            return fault("stack_bytes_max", "must lie between 64KiB and 1MiB".to_owned());
        }
        if !(MIB..=4096 * MIB).contains(&self.memory_bytes_max) {
            return fault("memory_bytes_max", "must lie between 1MiB and 4GiB".to_owned());
        }
        if self.record_output_bytes_max > self.batch_output_bytes_max {
            return fault("record_output_bytes_max", "must not exceed batch_output_bytes_max".to_owned());
        }
        if self.batch_output_bytes_max > 1024 * MIB {
            return fault("batch_output_bytes_max", "must not exceed 1GiB".to_owned());
        }
        Ok(())
    }

    /// The first field that allows more than `other` does.
    pub fn above(&self, other: &Limits) -> Option<&'static str> {
        [
            ("record_fuel_max", self.record_fuel_max > other.record_fuel_max),
            ("call_duration_max", self.call_duration_max > other.call_duration_max),
            ("memory_bytes_max", self.memory_bytes_max > other.memory_bytes_max),
            ("stack_bytes_max", self.stack_bytes_max > other.stack_bytes_max),
            ("record_output_bytes_max", self.record_output_bytes_max > other.record_output_bytes_max),
            ("batch_output_bytes_max", self.batch_output_bytes_max > other.batch_output_bytes_max),
            ("record_rows_max", self.record_rows_max > other.record_rows_max),
            ("batch_log_lines_max", self.batch_log_lines_max > other.batch_log_lines_max),
            ("log_line_bytes_max", self.log_line_bytes_max > other.log_line_bytes_max),
            ("module_bytes_max", self.module_bytes_max > other.module_bytes_max),
        ]
        .into_iter()
        .find_map(|(field, is_above)| is_above.then_some(field))
    }
}

fn fault(field: &'static str, reason: String) -> Result<(), LimitError> {
    Err(LimitError { field, reason })
}

/// A size in bytes: a number, or a number with a unit.
fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    struct Bytes;
    impl Visitor<'_> for Bytes {
        type Value = u64;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a size such as `128MiB`")
        }
        fn visit_u64<E: de::Error>(self, value: u64) -> Result<u64, E> {
            Ok(value)
        }
        fn visit_i64<E: de::Error>(self, value: i64) -> Result<u64, E> {
            u64::try_from(value).map_err(|_| E::custom("a size cannot be negative"))
        }
        fn visit_str<E: de::Error>(self, text: &str) -> Result<u64, E> {
            let size: Result<bytesize::ByteSize, _> = text.parse();
            size.map(|size| size.as_u64())
                .map_err(|_| E::custom(format!("`{text}` is not a size: write a number and a unit, such as `128MiB`")))
        }
    }
    deserializer.deserialize_any(Bytes)
}

/// A duration: a number with a unit.
fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    struct Time;
    impl Visitor<'_> for Time {
        type Value = Duration;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a duration with its unit, such as `100ms`")
        }
        fn visit_str<E: de::Error>(self, text: &str) -> Result<Duration, E> {
            humantime::parse_duration(text).map_err(|_| {
                E::custom(format!("`{text}` is not a duration: write a number and a unit, such as `100ms`"))
            })
        }
    }
    deserializer.deserialize_any(Time)
}

/// As people write it, and as it is read back.
fn write_duration<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_duration(*duration))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Limits, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn the_defaults_can_be_kept() {
        assert_eq!(Limits::default().check(), Ok(()));
        assert_eq!(read("{}").unwrap(), Limits::default());
    }

    #[test]
    fn limits_come_back_as_they_were_written() {
        let limits =
            Limits { call_duration_max: Duration::from_micros(1_500), record_rows_max: 7, ..Limits::default() };
        assert_eq!(read(&serde_json::to_string(&limits).unwrap()).unwrap(), limits);
    }

    #[test]
    fn people_write_units() {
        let limits =
            read(r#"{"memory_bytes_max": "64MiB", "stack_bytes_max": 131072, "call_duration_max": "50ms"}"#).unwrap();
        assert_eq!((limits.memory_bytes_max, limits.stack_bytes_max), (64 * MIB, 128 * KIB));
        assert_eq!(limits.call_duration_max, Duration::from_millis(50));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (json, part) in [
            (r#"{"memory_bytes": 1}"#, "unknown field `memory_bytes`"),
            (r#"{"memory_bytes_max": "many"}"#, "`many` is not a size"),
            (r#"{"memory_bytes_max": -1}"#, "negative"),
            (r#"{"call_duration_max": "soon"}"#, "`soon` is not a duration"),
        ] {
            let error = read(json).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn a_duration_in_which_the_fuel_could_burn_is_refused() {
        let limits = Limits { call_duration_max: Duration::from_secs(1), ..Limits::default() };
        assert_eq!(limits.check().unwrap_err().field, "call_duration_max");
        let limits = Limits { record_fuel_max: 20_000_000_000, ..limits };
        assert_eq!(limits.check(), Ok(()));
    }
}
