//! Dates, points in time, and times without a zone, as Delta stores them. No clock: a transform has none.

mod date;
mod naive;
mod text;
mod timestamp;

pub use date::Date;
pub use naive::NaiveTimestamp;
pub use timestamp::Timestamp;

const MICROSECONDS_PER_SECOND: i64 = 1_000_000;
const MICROSECONDS_PER_DAY: i64 = 86_400 * MICROSECONDS_PER_SECOND;
