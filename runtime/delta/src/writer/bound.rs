//! The smallest and the largest value of a column: from a Parquet file's footer into the text that the log has for them.
//! They are exact, or a little wider where the log has fewer digits, or absent. Pure.

use std::cmp::Ordering;

use arrow::datatypes::DataType;
use parquet::file::statistics::Statistics;

use super::{calendar, decimal};

/// The longest text in the log. A text that cannot be cut has no bounds rather than a long one.
const TEXT_BYTES_MAX: usize = 128;

/// A value in the order of its column.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub(super) enum Bound {
    /// Whole numbers, and what becomes one: dates, times, decimals without their scale, false and true as 0 and 1.
    Integer(i128),
    Float(f64),
    Text(Vec<u8>),
}

/// Both ends of a column.
#[derive(Clone, Debug)]
pub(super) struct Bounds {
    min: Bound,
    max: Bound,
}

impl Bounds {
    /// The bounds of one row group; none if it has none, or none that hold.
    pub(super) fn read(statistics: &Statistics, data_type: &DataType) -> Option<Self> {
        let min = bound(statistics.min_bytes_opt()?, statistics, data_type)?;
        let max = bound(statistics.max_bytes_opt()?, statistics, data_type)?;
        let bounds = Self { min, max };
        // A NaN compares with nothing, so this refuses one.
        (bounds.min <= bounds.max).then_some(bounds)
    }

    /// Bounds of both.
    pub(super) fn merge(self, other: Self) -> Self {
        Self {
            min: if other.min.partial_cmp(&self.min) == Some(Ordering::Less) { other.min } else { self.min },
            max: if other.max.partial_cmp(&self.max) == Some(Ordering::Greater) { other.max } else { self.max },
        }
    }

    /// Both ends as JSON; none if the log cannot hold either.
    pub(super) fn json(&self, data_type: &DataType) -> Option<(String, String)> {
        Some((json(&self.min, data_type, Rounding::Down)?, json(&self.max, data_type, Rounding::Up)?))
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Rounding {
    Down,
    Up,
}

/// Whether columns of this type have bounds. JSON has no bytes.
pub(super) fn exists(data_type: &DataType) -> bool {
    *data_type != DataType::Binary
}

fn bound(bytes: &[u8], statistics: &Statistics, data_type: &DataType) -> Option<Bound> {
    match (statistics, data_type) {
        (Statistics::Boolean(_), _) => Some(Bound::Integer((*bytes.first()?).into())),
        (Statistics::Int32(_), _) => Some(Bound::Integer(i32::from_le_bytes(bytes.try_into().ok()?).into())),
        (Statistics::Int64(_), _) => Some(Bound::Integer(i64::from_le_bytes(bytes.try_into().ok()?).into())),
        (Statistics::Float(_), _) => Some(Bound::Float(f32::from_le_bytes(bytes.try_into().ok()?).into())),
        (Statistics::Double(_), _) => Some(Bound::Float(f64::from_le_bytes(bytes.try_into().ok()?))),
        (Statistics::FixedLenByteArray(_), DataType::Decimal128(..)) => Some(Bound::Integer(big_endian(bytes)?)),
        (Statistics::ByteArray(_), DataType::Utf8) => Some(Bound::Text(bytes.to_vec())),
        _ => None,
    }
}

/// A number of up to 16 bytes, its sign in the first bit.
fn big_endian(bytes: &[u8]) -> Option<i128> {
    // Parquet cuts a decimal to the bytes that its precision needs, so the sign has to be spread over the rest.
    let is_negative = bytes.first()? & 0x80 != 0;
    let mut wide = if is_negative { [0xff; 16] } else { [0; 16] };
    let start = wide.len().checked_sub(bytes.len())?;
    wide[start..].copy_from_slice(bytes);
    Some(i128::from_be_bytes(wide))
}

fn json(bound: &Bound, data_type: &DataType, rounding: Rounding) -> Option<String> {
    match (bound, data_type) {
        (Bound::Integer(value), DataType::Decimal128(_, scale)) => Some(decimal::text(*value, *scale)),
        (Bound::Integer(days), DataType::Date32) => Some(format!("\"{}\"", calendar::date((*days).try_into().ok()?)?)),
        (Bound::Integer(value), DataType::Timestamp(_, zone)) => {
            milliseconds((*value).try_into().ok()?, zone.is_some(), rounding)
        }
        (Bound::Integer(value), DataType::Boolean) => Some((*value != 0).to_string()),
        (Bound::Integer(value), _) => Some(value.to_string()),
        // JSON has no infinity. The other end alone would do, but readers expect both.
        (Bound::Float(value), _) => value.is_finite().then(|| serde_json::to_string(value).ok())?,
        (Bound::Text(bytes), _) => {
            let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= TEXT_BYTES_MAX)?;
            serde_json::to_string(text).ok()
        }
    }
}

/// The log has milliseconds: the bound moves outwards to the next one.
fn milliseconds(microseconds: i64, has_zone: bool, rounding: Rounding) -> Option<String> {
    let floor = microseconds.div_euclid(1_000);
    let up = rounding == Rounding::Up && microseconds.rem_euclid(1_000) != 0;
    let time = calendar::time((floor + i64::from(up)).checked_mul(1_000)?)?;
    Some(time.format(if has_zone { "\"%Y-%m-%dT%H:%M:%S%.3fZ\"" } else { "\"%Y-%m-%dT%H:%M:%S%.3f\"" }).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_move_outwards() {
        let json = |at, rounding| milliseconds(at, true, rounding);
        assert_eq!(json(1_999, Rounding::Down).as_deref(), Some("\"1970-01-01T00:00:00.001Z\""));
        assert_eq!(json(1_999, Rounding::Up).as_deref(), Some("\"1970-01-01T00:00:00.002Z\""));
        assert_eq!(json(2_000, Rounding::Up).as_deref(), Some("\"1970-01-01T00:00:00.002Z\""));
        assert_eq!(json(-1, Rounding::Down).as_deref(), Some("\"1969-12-31T23:59:59.999Z\""));
        assert_eq!(json(-1, Rounding::Up).as_deref(), Some("\"1970-01-01T00:00:00.000Z\""));
        assert_eq!(json(i64::MAX, Rounding::Up), None);
        assert_eq!(json(i64::MIN, Rounding::Down), None);
    }

    #[test]
    fn short_numbers_keep_their_sign() {
        assert_eq!(big_endian(&[0xff, 0x00]), Some(-256));
        assert_eq!(big_endian(&[0x00, 0xff]), Some(255));
        assert_eq!(big_endian(&i128::MIN.to_be_bytes()), Some(i128::MIN));
        assert_eq!(big_endian(&[]), None);
        assert_eq!(big_endian(&[0; 17]), None);
    }
}
