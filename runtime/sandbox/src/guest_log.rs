//! What guests say: log lines, bounded in number, length and rate, with the position of the batch; and last words.

use std::sync::Arc;

use crate::bindings::sluicebox::transform::log::Level;
use crate::bounded::cut;
use crate::limits::Limits;
use crate::log_allowance::LogAllowance;

/// Takes an instance's log lines and passes them on as events of target `sluicebox::transform`.
#[derive(Debug)]
pub(crate) struct GuestLog {
    line_bytes_max: usize,
    lines_left: u64,
    dropped: u64,
    topic: Arc<str>,
    partition: i32,
    offset: i64,
    last_words: Option<LastWords>,
    allowance: Arc<LogAllowance>,
}

/// What a guest said before it trapped of its own will.
#[derive(Debug)]
pub(crate) struct LastWords {
    pub(crate) message: String,
    /// Index in the call's batch of the record that it blames.
    pub(crate) record: Option<usize>,
}

impl GuestLog {
    /// Until the first batch begins, so many lines are welcome.
    pub(crate) fn new(limits: &Limits, lines_left: u64, allowance: Arc<LogAllowance>) -> Self {
        GuestLog {
            line_bytes_max: usize::try_from(limits.log_line_bytes_max).unwrap_or(usize::MAX),
            lines_left,
            dropped: 0,
            topic: Arc::from(""),
            partition: -1,
            offset: -1,
            last_words: None,
            allowance,
        }
    }

    /// From now on lines belong to a call whose first record is at this position, and so many more are welcome.
    pub(crate) fn begin(&mut self, topic: &Arc<str>, partition: i32, offset: i64, lines_left: u64) {
        self.topic = Arc::clone(topic);
        (self.partition, self.offset) = (partition, offset);
        (self.lines_left, self.dropped) = (lines_left, 0);
        // Words of an earlier call must not explain the trap of a later one.
        self.last_words = None;
    }

    /// How many lines are still welcome, and how many were not.
    pub(crate) fn end(&self) -> (u64, u64) {
        (self.lines_left, self.dropped)
    }

    pub(crate) fn take_last_words(&mut self) -> Option<LastWords> {
        self.last_words.take()
    }

    pub(crate) fn set_last_words(&mut self, message: &str, record: Option<u32>) {
        // Cut, as log lines are: a guest must not fill dead letters through its last words.
        let message = self.cut(message).to_owned();
        self.last_words = Some(LastWords { message, record: record.map(|record| record as usize) });
    }

    pub(crate) fn write(&mut self, level: Level, message: &str) {
        let line = self.cut(message);
        // The order counts: a line that is dropped uses up no allowance.
        if self.lines_left == 0 || !self.allowance.take(line.len()) {
            self.dropped += 1;
            return;
        }
        self.lines_left -= 1;
        let (topic, partition, offset) = (&*self.topic, self.partition, self.offset);
        macro_rules! event {
            ($level:ident) => {
                tracing::$level!(target: "sluicebox::transform", topic, partition, offset, "{line}")
            };
        }
        match level {
            Level::Debug => event!(debug),
            Level::Info => event!(info),
            Level::Warn => event!(warn),
            Level::Error => event!(error),
        }
    }

    fn cut<'a>(&self, message: &'a str) -> &'a str {
        cut(message, self.line_bytes_max)
    }
}
