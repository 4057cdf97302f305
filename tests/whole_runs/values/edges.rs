//! Every type of the world, with the values at its edges.

use sluicebox_sandbox::DataType;

use super::cell::Cell;

const MICROSECONDS_A_DAY: i64 = 86_400_000_000;
/// The first day of the year 1, and the first after the year 9999.
const FIRST_DAY: i32 = -719_162;
const END_DAY: i32 = 2_932_897;

/// A column's name, its type, and its values.
pub(super) fn types() -> Vec<(&'static str, DataType, Vec<Cell>)> {
    let decimal = |precision: u8, scale: u8| {
        let nines = 10i128.pow(precision.into()) - 1;
        let unscaled = [nines, -nines, 0, 1, -1, i128::from(u64::MAX) % nines, (1 << 53) % nines + 1];
        let cells = unscaled.map(|unscaled| Cell::Decimal { unscaled, scale }).to_vec();
        (DataType::Decimal { precision, scale }, cells)
    };
    let mut types = vec![
        ("boolean", DataType::Boolean, vec![Cell::Boolean(true), Cell::Boolean(false)]),
        ("int32", DataType::Int32, [i32::MIN, i32::MAX, 0, -1, 1].map(Cell::Int32).to_vec()),
        (
            "int64",
            DataType::Int64,
            [i64::MIN, i64::MAX, 0, -1, (1 << 53) + 1, -(1 << 53) - 1].map(Cell::Int64).to_vec(),
        ),
        ("float32", DataType::Float32, float32().map(Cell::Float32).to_vec()),
        ("float64", DataType::Float64, float64().map(Cell::Float64).to_vec()),
        ("text", DataType::Utf8, texts().into_iter().map(Cell::Text).collect()),
        ("bytes", DataType::Binary, bytes().into_iter().map(Cell::Bytes).collect()),
        ("day", DataType::Date, days().map(Cell::Date).to_vec()),
        ("at", DataType::Timestamp, times().map(Cell::Timestamp).to_vec()),
        ("local", DataType::TimestampNtz, times().map(Cell::Local).to_vec()),
    ];
    for (name, precision, scale) in [("d9_2", 9, 2), ("d18_4", 18, 4), ("d38_0", 38, 0), ("d38_38", 38, 38)] {
        let (data_type, cells) = decimal(precision, scale);
        types.push((name, data_type, cells));
    }
    types
}

fn float32() -> [f32; 11] {
    let odd = f32::from_bits(1);
    [
        f32::MIN,
        f32::MAX,
        0.0,
        -0.0,
        f32::NAN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::MIN_POSITIVE,
        odd,
        0.1,
        16_777_216.0,
    ]
}

fn float64() -> [f64; 11] {
    let odd = f64::from_bits(1);
    [f64::MIN, f64::MAX, 0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE, odd, 0.1, 9e15]
}

fn texts() -> Vec<String> {
    let long = ["x".repeat(64 << 10), "京".repeat((64 << 10) / 3), "\u{10FFFF}".repeat(200)];
    let short = [
        "",
        "a",
        "..",
        ".",
        "/",
        "a/b",
        "//",
        "%",
        "%2F",
        "%00",
        "=",
        "a=b",
        "\0",
        "nul\0inside",
        "\u{1}\u{1f}\u{7f}\u{85}",
        "\t",
        "\r\n",
        " ",
        "\u{202e}abc\u{2066}",
        "\u{feff}bom",
        "null",
        "NULL",
        "__HIVE_DEFAULT_PARTITION__",
        "\"'`\\",
        "é",
        "e\u{301}",
        "\u{ffff}",
        "👍🏽",
        "?#&:*|<>",
        "NaN",
        "2016-12-31T23:59:60Z",
        "0",
        "-0",
    ];
    short.into_iter().map(str::to_owned).chain(long).collect()
}

fn bytes() -> Vec<Vec<u8>> {
    vec![vec![], vec![0], vec![0xff; 3], b"text".to_vec(), (0..=255).collect(), vec![0x80; 64 << 10]]
}

fn days() -> [i32; 9] {
    [FIRST_DAY, FIRST_DAY - 1, END_DAY - 1, END_DAY, i32::MIN, i32::MAX, 0, -1, 19_782]
}

fn times() -> [i64; 12] {
    let (first, end) = (i64::from(FIRST_DAY) * MICROSECONDS_A_DAY, i64::from(END_DAY) * MICROSECONDS_A_DAY);
    // Nanoseconds taken for milliseconds saturate.
    [first, first - 1, end - 1, end, i64::MIN, i64::MAX, 0, -1, 1, 999, 1_709_209_800_123_456, 1_483_228_799_999_999]
}
