//! When the demo's workers flushed: how long each phase took, and the rate of a flush that holds no poison.

use std::time::{Duration, Instant};

/// The moments of one demo.
#[derive(Debug)]
pub(super) struct Timeline {
    started: Instant,
    /// Each flush of both workers, with the records committed by then.
    flushes: Vec<(Instant, usize)>,
    killed: Option<Kill>,
    ended: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Kill {
    at: Instant,
    /// How many flushes the first worker made.
    flushes_before: usize,
}

impl Timeline {
    pub(super) fn begin() -> Timeline {
        Timeline { started: Instant::now(), flushes: Vec::new(), killed: None, ended: None }
    }

    pub(super) fn note_flush(&mut self, committed: usize) {
        self.flushes.push((Instant::now(), committed));
    }

    pub(super) fn note_kill(&mut self) {
        self.killed = Some(Kill { at: Instant::now(), flushes_before: self.flushes.len() });
    }

    pub(super) fn note_end(&mut self) {
        self.ended = Some(Instant::now());
    }

    /// From the first worker's start to the second one's end.
    pub(super) fn whole(&self) -> Duration {
        self.ended.unwrap_or(self.started) - self.started
    }

    /// From the first worker's start to its death.
    pub(super) fn before_kill(&self) -> Duration {
        self.killed.map_or(Duration::ZERO, |kill| kill.at - self.started)
    }

    /// From the kill to the second worker's first flush: mostly the brokers' wait for the killed worker.
    pub(super) fn waiting(&self) -> Duration {
        let Some(kill) = self.killed else { return Duration::ZERO };
        self.flushes.get(kill.flushes_before).map_or(Duration::ZERO, |(first, _)| *first - kill.at)
    }

    /// From the second worker's first flush to its end.
    pub(super) fn after_waiting(&self) -> Duration {
        self.whole().saturating_sub(self.before_kill()).saturating_sub(self.waiting())
    }

    /// Records a second of the median flush. Four flushes hold an attack that costs seconds: the median is a flush without.
    pub(super) fn median_rate(&self) -> f64 {
        let mut rates: Vec<f64> = self.intervals().map(|(seconds, records)| records / seconds).collect();
        rates.sort_by(f64::total_cmp);
        rates.get(rates.len() / 2).copied().unwrap_or_default()
    }

    /// How long the slowest flush took.
    pub(super) fn slowest_seconds(&self) -> f64 {
        self.intervals().map(|(seconds, _)| seconds).fold(0.0, f64::max)
    }

    /// Seconds and records between two flushes of one worker. What lies before a worker's first flush is its start.
    fn intervals(&self) -> impl Iterator<Item = (f64, f64)> {
        let second_worker = self.killed.map(|kill| kill.flushes_before);
        let pairs = self.flushes.windows(2).enumerate();
        pairs.filter(move |(index, _)| Some(index + 1) != second_worker).filter_map(|(_, pair)| match pair {
            // Two notes of the same count would be a rate of zero.
            [(before, done), (after, done_after)] if done_after > done => {
                Some(((*after - *before).as_secs_f64(), (done_after - done) as f64))
            }
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_and_the_slow_flush_are_not_in_the_median() {
        let started = Instant::now();
        let at = |millis: u64| started + Duration::from_millis(millis);
        let timeline = Timeline {
            started,
            flushes: vec![
                (at(1_000), 100),
                (at(1_100), 200),
                (at(1_200), 300),
                (at(9_000), 400),
                (at(9_100), 500),
                (at(12_100), 600),
            ],
            killed: Some(Kill { at: at(1_300), flushes_before: 3 }),
            ended: Some(at(12_500)),
        };
        assert_eq!(timeline.before_kill(), Duration::from_millis(1_300));
        assert_eq!(timeline.waiting(), Duration::from_millis(7_700));
        assert_eq!(timeline.after_waiting(), Duration::from_millis(3_500));
        assert!((timeline.median_rate() - 1_000.0).abs() < 1.0, "{}", timeline.median_rate());
        assert!((timeline.slowest_seconds() - 3.0).abs() < 0.001);
    }
}
