//! What a seed decides beforehand: how large its world is, how the pipeline is set up, and how bad the weather gets.

use std::time::Duration;

use fastrand::Rng;

/// The set-up of one world.
#[derive(Debug)]
pub struct Plan {
    /// Topics.
    pub topics: usize,
    /// Partitions of each.
    pub partitions: i32,
    /// Records, over all partitions.
    pub records: usize,
    /// Workers at a time.
    pub workers_max: usize,
    /// `flush.rows_max`.
    pub flush_rows: usize,
    /// `flush.interval`.
    pub flush_interval: Duration,
    /// `batch.records_max`.
    pub batch_records: usize,
    /// `delta.checkpointInterval` of the tables, if they are made beforehand.
    pub checkpoint_interval: Option<u64>,
    /// Entries of another application in the log of each table that is made beforehand.
    pub aged_by: u64,
    /// Turns of the world before the weather calms down.
    pub rough_ticks: u64,
    /// What goes wrong, and how often.
    pub weather: Weather,
}

/// Chances in a thousand.
#[derive(Debug, Default)]
pub struct Weather {
    /// A request fails before it has had an effect.
    pub refused: u32,
    /// A request has its effect, and the response is lost.
    pub unheard: u32,
    /// So it is, and the client inside repeats it and hears of its own success as a conflict.
    pub misheard: u32,
    /// A request is given up, and has its effect later.
    pub late: u32,
    /// A request takes long.
    pub slow: u32,
    /// A worker dies just after a request has had its effect.
    pub fatal: u32,
    /// A worker dies before it.
    pub killed: u32,
    /// A worker is put to sleep, often past its session.
    pub asleep: u32,
    /// A worker is told to stop.
    pub stopped: u32,
    /// A partition moves to another worker.
    pub moved: u32,
    /// A read of the store fails.
    pub unread: u32,
    /// Retention deletes records, be they read or not.
    pub deleted: u32,
    /// A worker is told of a promotion or a canary.
    pub promoted: u32,
    /// Another tool changes a table.
    pub meddled: u32,
}

/// One world in so many has tables with a long past.
const AGED: u8 = 200;

impl Plan {
    /// The plan of a seed.
    pub fn of(rng: &mut Rng) -> Self {
        let stormy = rng.u8(..4) > 0;
        let is_aged = rng.u8(..AGED) == 0;
        Self {
            topics: rng.usize(1..=2),
            partitions: rng.i32(1..=3),
            records: rng.usize(60..=240),
            workers_max: rng.usize(1..=3),
            flush_rows: rng.usize(4..=40),
            flush_interval: Duration::from_millis(rng.u64(200..=5_000)),
            batch_records: rng.usize(2..=20),
            checkpoint_interval: (rng.bool() || is_aged).then(|| rng.u64(3..=12)),
            aged_by: if is_aged { rng.u64(1_000..3_000) } else { 0 },
            rough_ticks: rng.u64(100..=300),
            weather: if stormy { Weather::rough(rng) } else { Weather::mixed(rng) },
        }
    }
}

impl Weather {
    /// A little of everything.
    fn rough(rng: &mut Rng) -> Self {
        Self {
            refused: rng.u32(0..60),
            unheard: rng.u32(0..60),
            misheard: rng.u32(0..40),
            late: rng.u32(0..60),
            slow: rng.u32(0..60),
            fatal: rng.u32(0..25),
            killed: rng.u32(0..15),
            asleep: rng.u32(0..25),
            stopped: rng.u32(0..8),
            moved: rng.u32(0..60),
            unread: rng.u32(0..15),
            deleted: if rng.u8(..4) == 0 { rng.u32(5..30) } else { 0 },
            promoted: rng.u32(0..40),
            meddled: if rng.bool() { rng.u32(5..60) } else { 0 },
        }
    }

    /// Much of two or three things: what they do is plainer without the rest.
    fn mixed(rng: &mut Rng) -> Self {
        let mut weather = Self::default();
        for _ in 0..rng.u8(1..=3) {
            match rng.u8(..11) {
                0 => weather.refused = 150,
                1 => weather.unheard = 150,
                2 => weather.misheard = 150,
                3 => weather.late = 150,
                4 => weather.fatal = 60,
                5 => weather.killed = 40,
                6 => weather.asleep = 60,
                7 => weather.deleted = 30,
                8 => weather.promoted = 100,
                9 => weather.meddled = 100,
                _ => weather.moved = 150,
            }
        }
        weather
    }
}
