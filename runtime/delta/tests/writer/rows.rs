//! Rows of every type that a transform knows, with the edges of each among them.

use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array,
    Int32Array, Int64Array, RecordBatch, StringArray, StructArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Fields, Schema};

/// What a value is made of: null, or which edge and which number.
pub(crate) type Seed = Option<(u8, u64)>;

/// Edges of values that have bounds in the log, long texts aside.
pub(crate) const BOUNDED_EDGES: std::ops::RangeInclusive<u8> = 4..=31;

/// The column that tells rows apart.
pub(crate) const ID: &str = "id";

const MILLENNIUM: i64 = 253_402_300_800_000_000;
const TEXTS: [&str; 19] = [
    "a",
    "A",
    "zz",
    " ",
    "é",
    "京都",
    "\u{10FFFF}",
    "a/b",
    "%2F",
    "..",
    ".",
    "a=b",
    "tab\t",
    "nul\0",
    "null",
    "\"q\"",
    "\u{7f}",
    "👍🏽",
    "line\n",
];

/// One column of each type, with a value for each seed. Text is never empty if `is_partition`, and no time is out of range.
pub(crate) fn columns(seeds: &[Seed], is_partition: bool) -> Vec<(Field, ArrayRef)> {
    let seed = |turn: usize| (0..seeds.len()).map(move |row| seeds[(row + turn) % seeds.len()]);
    let mut columns: Vec<(&str, ArrayRef)> = vec![
        ("boolean", Arc::new(seed(0).map(|s| s.map(|(_, n)| n % 2 == 0)).collect::<BooleanArray>())),
        ("int32", Arc::new(seed(1).map(|s| s.map(|(e, n)| int64(e, n) as i32)).collect::<Int32Array>())),
        ("int64", Arc::new(seed(2).map(|s| s.map(|(e, n)| int64(e, n))).collect::<Int64Array>())),
        ("float32", Arc::new(seed(3).map(|s| s.map(|(e, n)| float64(e, n) as f32)).collect::<Float32Array>())),
        ("float64", Arc::new(seed(4).map(|s| s.map(|(e, n)| float64(e, n))).collect::<Float64Array>())),
        ("text", Arc::new(seed(5).map(|s| s.map(|(e, n)| text(e, n, is_partition))).collect::<StringArray>())),
        ("day", Arc::new(seed(6).map(|s| s.map(|(e, n)| day(e, n, is_partition))).collect::<Date32Array>())),
        ("at", Arc::new(times(seed(7), is_partition).with_timezone("UTC"))),
        ("local", Arc::new(times(seed(8), is_partition))),
    ];
    for (name, precision, scale) in [("d9", 9, 2), ("d18", 18, 4), ("d20", 20, 0), ("d38", 38, 10), ("d38_38", 38, 38)]
    {
        let values = seed(usize::from(precision)).map(|s| s.map(|(e, n)| decimal(e, n, u32::from(precision))));
        let array = values.collect::<Decimal128Array>().with_precision_and_scale(precision, scale);
        columns.push((name, Arc::new(array.expect("fits"))));
    }
    if !is_partition {
        let bytes = seed(9).map(|s| s.map(|(e, n)| n.to_be_bytes()[..usize::from(e % 9)].to_vec()));
        columns.push(("bytes", Arc::new(bytes.collect::<BinaryArray>())));
    }
    columns.into_iter().map(|(name, array)| (Field::new(name, array.data_type().clone(), true), array)).collect()
}

/// The rows with each column twice, once inside two structs that may be null; and an id.
pub(crate) fn plain_and_nested(seeds: &[Seed], first_id: i64) -> RecordBatch {
    let (mut fields, mut arrays): (Vec<Field>, Vec<ArrayRef>) = columns(seeds, false).into_iter().unzip();
    let mut turned = seeds.to_vec();
    // The nested columns get other nulls than the plain ones, so that a mix-up of the two shows.
    turned.rotate_left(seeds.len() / 2);
    let (members, member_arrays): (Vec<Field>, Vec<ArrayRef>) = columns(&turned, false).into_iter().unzip();
    let is_valid =
        |turn: usize| seeds.iter().map(move |seed| seed.is_none_or(|(e, _)| !usize::from(e).is_multiple_of(turn)));
    let inner = StructArray::new(members.into(), member_arrays, Some(is_valid(5).collect::<Vec<_>>().into()));
    let inner_field = Fields::from(vec![Field::new("inner.with dot", inner.data_type().clone(), true)]);
    let outer = StructArray::new(inner_field, vec![Arc::new(inner)], Some(is_valid(7).collect::<Vec<_>>().into()));
    fields.push(Field::new("outer", outer.data_type().clone(), true));
    arrays.push(Arc::new(outer));
    with_id(fields, arrays, first_id)
}

/// Rows with one column to partition by.
pub(crate) fn partitioned(seeds: &[Seed], column: usize) -> RecordBatch {
    let (field, array) = columns(seeds, true).swap_remove(column);
    with_id(vec![field.with_name("p")], vec![array], 0)
}

fn with_id(mut fields: Vec<Field>, mut arrays: Vec<ArrayRef>, first: i64) -> RecordBatch {
    let rows = arrays[0].len() as i64;
    fields.push(Field::new(ID, DataType::Int64, false));
    arrays.push(Arc::new(Int64Array::from_iter_values(first..first + rows)));
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("rows")
}

fn int64(edge: u8, number: u64) -> i64 {
    match edge % 16 {
        0 => i64::MAX,
        1 => i64::MIN,
        2 => i64::from(i32::MAX),
        3 => 0,
        4 => (1 << 53) + 1,
        _ => (number as i64) >> (number % 60),
    }
}

fn float64(edge: u8, number: u64) -> f64 {
    // NaN and the infinities cost all bounds, so they are rare.
    match edge {
        0 => f64::NAN,
        1 => f64::INFINITY,
        2 => f64::NEG_INFINITY,
        3..=9 => -0.0,
        10..=19 => 0.0,
        20..=24 => f64::from(f32::MAX),
        25..=29 => f64::from(f32::MIN_POSITIVE) / 1024.0,
        30..=34 => 0.1,
        _ => (number as i64) as f64 / 1e6,
    }
}

fn text(edge: u8, number: u64, is_partition: bool) -> String {
    let text = TEXTS[usize::from(edge) % TEXTS.len()];
    match number % 8 {
        0 if !is_partition => String::new(),
        1 => text.repeat(1 + (number as usize / 8) % 80),
        2 => text.to_owned(),
        _ => format!("{text}{}", number % 1000),
    }
}

fn day(edge: u8, number: u64, is_in_range: bool) -> i32 {
    match edge % 32 {
        0 if !is_in_range => i32::MAX,
        1 if !is_in_range => i32::MIN,
        2 => 2_932_896,
        3 => -719_162,
        _ => (number % 40_000) as i32 - 10_000,
    }
}

fn times(seeds: impl Iterator<Item = Seed>, is_in_range: bool) -> TimestampMicrosecondArray {
    let times = seeds.map(|seed| {
        seed.map(|(edge, number)| match edge {
            0 if !is_in_range => i64::MAX,
            1 if !is_in_range => i64::MIN,
            2 if !is_in_range => MILLENNIUM,
            3 => MILLENNIUM - 1,
            4 => -62_135_596_800_000_000,
            5..=9 => -1,
            10..=20 => 1_700_000_000_123_999,
            _ => (number % 4_000_000_000_000_000) as i64 - 1_000_000_000_000_000,
        })
    });
    times.collect()
}

fn decimal(edge: u8, number: u64, precision: u32) -> i128 {
    let end = 10i128.pow(precision) - 1;
    match edge % 16 {
        0 => end,
        1 => -end,
        2 => 0,
        3 => i128::from(u64::MAX) % end,
        4 => 1_123_456_789_012_345_678 % end,
        _ => (i128::from(number) * i128::from(number as i64)) % end,
    }
}
