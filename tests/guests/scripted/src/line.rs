//! What a row of the table `lines` holds beside its token: one column of every type, at its edges as often as between them.
//! The token and the row's number decide it, and so a test knows the row. Compiled for the guest, which
//! writes the rows, and natively, for the simulation, which checks what has become of them.

/// The largest unscaled value of `decimal(38, 18)`.
const DECIMAL_MAX: i128 = 10_i128.pow(38) - 1;
/// Days of 0001-01-01 and 9999-12-31.
const DAYS: [i32; 2] = [-719_162, 2_932_896];
const MICROSECONDS_A_DAY: i64 = 86_400_000_000;
/// Rows of so many offsets in a row fall into one partition: a flush begins few files.
const OFFSETS_A_REGION: i64 = 24;

/// The columns of a row.
#[derive(Clone, Debug)]
pub struct Line {
    /// The first partition column, text.
    pub region: Option<String>,
    /// The second partition column, days since 1970-01-01.
    pub day: Option<i32>,
    /// `boolean`.
    pub flag: Option<bool>,
    /// `int32`.
    pub small: Option<i32>,
    /// `float32`.
    pub ratio: Option<f32>,
    /// `float64`.
    pub share: Option<f64>,
    /// `decimal(38, 18)`, unscaled.
    pub amount: Option<i128>,
    /// `utf8`.
    pub note: Option<String>,
    /// `binary`.
    pub payload: Option<Vec<u8>>,
    /// `timestamp`, microseconds.
    pub at: Option<i64>,
    /// `timestamp-ntz`, microseconds.
    pub local: Option<i64>,
    /// A list of `int64`.
    pub tags: Option<Vec<i64>>,
    /// A struct of `int64` and `utf8`.
    pub place: Option<(i64, Option<String>)>,
    /// A map from `utf8` to `float64`.
    pub marks: Option<Vec<(String, f64)>>,
}

impl Line {
    /// The row with this number of the record with this token, `…@<offset>`.
    pub fn of(token: &str, row: usize) -> Self {
        let mut chance = Chance::of(token, row);
        let offset = token.rsplit_once('@').and_then(|(_, offset)| offset.parse::<i64>().ok()).unwrap_or_default();
        let (region, day) = match (offset / OFFSETS_A_REGION) % 4 {
            0 => (None, Some(DAYS[1])),
            1 => (Some("north/a b%2F=ä".to_owned()), Some(DAYS[0])),
            _ => (Some("south".to_owned()), None),
        };
        Self {
            region,
            day,
            flag: chance.one_of(&[Some(true), Some(false), None]),
            small: chance.one_of(&[Some(i32::MIN), Some(i32::MAX), Some(0), Some(-1), None]),
            ratio: chance.one_of(&[
                Some(f32::MAX),
                Some(f32::MIN_POSITIVE),
                Some(-0.0),
                Some(f32::INFINITY),
                Some(0.1),
                None,
            ]),
            share: chance.one_of(&[
                Some(f64::NAN),
                Some(f64::MAX),
                Some(0.1),
                Some(-1e-300),
                Some(3.0),
                Some(2.0),
                None,
            ]),
            amount: chance.one_of(&[
                Some(DECIMAL_MAX),
                Some(-DECIMAL_MAX),
                Some(10_i128.pow(37)),
                Some(1_123_456_789_012_345_678),
                Some(1),
                None,
            ]),
            note: chance.note(),
            payload: chance.one_of(&[Some(Vec::new()), Some(vec![0, 255, 128]), None]),
            at: chance.time(),
            local: chance.time(),
            tags: chance.one_of(&[Some(vec![i64::MIN, i64::MAX]), Some(Vec::new()), Some(vec![7]), None]),
            place: match chance.below(4) {
                0 => None,
                1 => Some((i64::MIN, None)),
                2 => Some((i64::MAX, Some(String::new()))),
                _ => Some((9_007_199_254_740_993, chance.note())),
            },
            marks: chance.one_of(&[
                Some(vec![("a".to_owned(), f64::NAN), ("".to_owned(), -0.0)]),
                Some(Vec::new()),
                Some(vec![("ä".to_owned(), f64::NEG_INFINITY)]),
                None,
            ]),
        }
    }

    /// The row that no table can hold, in place of the one with this number: each time for another reason.
    pub fn misfit(token: &str, row: usize) -> Self {
        let line = Self::of(token, row);
        match Chance::of(token, row).below(4) {
            0 => Self { region: Some(String::new()), ..line },
            1 => Self { day: Some(106_751_991), ..line },
            2 => Self { at: Some(i64::MAX), ..line },
            _ => Self { region: Some("__HIVE_DEFAULT_PARTITION__".to_owned()), ..line },
        }
    }
}

/// Numbers that look like chance and are the same in every run.
struct Chance(u64);

impl Chance {
    fn of(token: &str, row: usize) -> Self {
        let bytes = token.bytes().chain((row as u64).to_le_bytes());
        Self(bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn one_of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize].clone()
    }

    /// Texts around the length at which the log's bounds are cut.
    fn note(&mut self) -> Option<String> {
        match self.below(7) {
            0 => None,
            1 => Some(String::new()),
            2 => Some("é".repeat(100)),
            3 => Some("\u{10ffff}".repeat(40)),
            4 => Some("x".repeat(127 + self.below(3) as usize)),
            _ => Some(format!("note {}", self.below(1_000))),
        }
    }

    /// Microseconds, most of them not whole milliseconds.
    fn time(&mut self) -> Option<i64> {
        match self.below(5) {
            0 => None,
            1 => Some(i64::from(DAYS[0]) * MICROSECONDS_A_DAY),
            2 => Some((i64::from(DAYS[1]) + 1) * MICROSECONDS_A_DAY - 1_000),
            3 => Some(-1),
            _ => Some(1_767_225_600_123_999 + self.below(1_000_000) as i64),
        }
    }
}
