//! One value of a table, in the forms that it takes: JSON, a typed column, and the text by which readers are compared.

use serde_json::{Value, json};
use sluicebox::{Date, NaiveTimestamp, Timestamp};
use sluicebox_sandbox::{Column, Strings, Values};

/// Dates from 0001-01-01 to 9999-12-31.
const DAYS: std::ops::RangeInclusive<i64> = -719_162..=2_932_896;
const MICROSECONDS_A_DAY: i64 = 86_400_000_000;

/// One value.
#[derive(Clone, Debug)]
pub(super) enum Cell {
    Boolean(bool),
    Int32(i32),
    Int64(i64),
    Float32(f32),
    Float64(f64),
    Decimal { unscaled: i128, scale: u8 },
    Text(String),
    Bytes(Vec<u8>),
    Date(i32),
    Timestamp(i64),
    Local(i64),
}

impl Cell {
    /// Whether a column holds it.
    pub(super) fn fits(&self) -> bool {
        match self {
            Self::Date(days) => DAYS.contains(&i64::from(*days)),
            Self::Timestamp(at) | Self::Local(at) => DAYS.contains(&at.div_euclid(MICROSECONDS_A_DAY)),
            _ => true,
        }
    }

    /// Whether a table can be partitioned by it.
    pub(super) fn partitions(&self) -> bool {
        match self {
            Self::Text(text) => !text.is_empty() && text != "__HIVE_DEFAULT_PARTITION__",
            _ => self.fits(),
        }
    }

    /// As a guest without typed columns writes it.
    pub(super) fn json(&self) -> Value {
        match self {
            Self::Boolean(value) => json!(value),
            Self::Int32(value) => json!(value),
            Self::Int64(value) => json!(value),
            Self::Float32(value) if value.is_finite() => json!(value),
            Self::Float64(value) if value.is_finite() => json!(value),
            Self::Float32(value) => not_finite((*value).into()),
            Self::Float64(value) => not_finite(*value),
            Self::Decimal { .. } => json!(self.decimal()),
            Self::Text(text) => json!(text),
            Self::Bytes(bytes) => json!(hexadecimal(bytes)),
            Self::Date(days) => json!(Date::from_days(*days)),
            Self::Timestamp(at) => json!(Timestamp::from_microseconds(*at)),
            Self::Local(at) => json!(NaiveTimestamp::from_microseconds(*at)),
        }
    }

    /// As `tests/readers/compare_values.py` writes what it reads.
    pub(super) fn tagged(&self) -> Value {
        json!(match self {
            Self::Boolean(value) => format!("bool:{value}"),
            Self::Int32(value) => format!("int:{value}"),
            Self::Int64(value) => format!("int:{value}"),
            Self::Float32(value) => float_bits((*value).into()),
            Self::Float64(value) => float_bits(*value),
            Self::Decimal { .. } => format!("decimal:{}", self.decimal()),
            Self::Text(text) => format!("text:{text}"),
            Self::Bytes(bytes) => format!("bytes:{}", hexadecimal(bytes)),
            Self::Date(days) => format!("day:{days}"),
            Self::Timestamp(at) => format!("at:{at}"),
            Self::Local(at) => format!("local:{at}"),
        })
    }

    fn decimal(&self) -> String {
        let Self::Decimal { unscaled, scale } = self else { return String::new() };
        let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = usize::from(*scale) + 1);
        let (whole, fraction) = digits.split_at(digits.len() - usize::from(*scale));
        let point = if *scale == 0 { "" } else { "." };
        format!("{}{whole}{point}{fraction}", if *unscaled < 0 { "-" } else { "" })
    }
}

fn not_finite(value: f64) -> Value {
    json!(if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    })
}

fn float_bits(value: f64) -> String {
    if value.is_nan() { "float:NaN".to_owned() } else { format!("float:{:016x}", value.to_bits()) }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A column of such values; `like` gives the type where the values are all null.
pub(super) fn column(cells: &[Option<&Cell>], like: &Cell) -> Column {
    macro_rules! values {
        ($variant:ident, $none:expr) => {
            cells
                .iter()
                .map(|cell| if let Some(Cell::$variant(value)) = cell { value.clone() } else { $none })
                .collect()
        };
    }
    let strings = |parts: Vec<Vec<u8>>| {
        let mut strings = Strings::default();
        for part in parts {
            strings.data.extend(part);
            strings.ends.push(strings.data.len() as u32);
        }
        strings
    };
    let values = match like {
        Cell::Boolean(_) => {
            let bits: Vec<bool> = values!(Boolean, false);
            Values::Boolean(bits.into_iter().map(u8::from).collect())
        }
        Cell::Int32(_) => Values::Int32(values!(Int32, 0)),
        Cell::Int64(_) => Values::Int64(values!(Int64, 0)),
        Cell::Float32(_) => Values::Float32(values!(Float32, 0.0)),
        Cell::Float64(_) => Values::Float64(values!(Float64, 0.0)),
        Cell::Date(_) => Values::Date(values!(Date, 0)),
        Cell::Timestamp(_) => Values::Timestamp(values!(Timestamp, 0)),
        Cell::Local(_) => Values::TimestampNtz(values!(Local, 0)),
        Cell::Bytes(_) => Values::Binary(strings(values!(Bytes, Vec::new()))),
        Cell::Text(_) => {
            let texts: Vec<String> = values!(Text, String::new());
            Values::Utf8(strings(texts.into_iter().map(String::into_bytes).collect()))
        }
        Cell::Decimal { .. } => {
            let unscaled =
                cells.iter().map(|cell| if let Some(Cell::Decimal { unscaled, .. }) = cell { *unscaled } else { 0 });
            Values::Decimal(unscaled.flat_map(i128::to_le_bytes).collect())
        }
    };
    Column { values, nulls: nulls(cells.iter().map(Option::is_some)) }
}

/// The positions of those that are not there.
pub(super) fn nulls(are_there: impl Iterator<Item = bool>) -> Vec<u32> {
    are_there.zip(0..).filter(|(is_there, _)| !is_there).map(|(_, slot)| slot).collect()
}
