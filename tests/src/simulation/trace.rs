//! What has happened in one world: a line an event, and a hash over all of them.

use std::fmt;
use std::hash::{DefaultHasher, Hasher};

/// The story of one seed.
#[derive(Default)]
pub struct Trace {
    tick: u64,
    lines: Vec<String>,
    hasher: DefaultHasher,
}

impl Trace {
    /// Another turn of the world.
    pub fn tick(&mut self, tick: u64) {
        self.tick = tick;
    }

    /// Something happened.
    pub fn note(&mut self, event: fmt::Arguments<'_>) {
        let line = format!("{:5}  {event}", self.tick);
        self.hasher.write(line.as_bytes());
        self.lines.push(line);
    }

    /// All events, in order.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// The same for the same story.
    pub fn hash(&self) -> u64 {
        self.hasher.finish()
    }
}

/// Things in a row, for a line of a trace.
pub fn listed<T: fmt::Display>(things: impl IntoIterator<Item = T>) -> String {
    things.into_iter().map(|thing| thing.to_string()).collect::<Vec<_>>().join(", ")
}
