//! Whether the brokers of a source answer, and when to say so: at once, and again now and then while nothing changes. Pure: it is
//! told what the client reports, and hands back sentences.

use std::time::{Duration, Instant};

use crate::quiet_log::SILENCE;

/// How long the first answer may take before it is missed.
pub(crate) const FIRST_ANSWER_MAX: Duration = Duration::from_secs(3);

/// Whether the brokers answer.
#[derive(Debug)]
pub(crate) struct Reachability {
    addresses: String,
    /// Since when no broker answers: at first since the client connects.
    away_since: Option<Instant>,
    /// What the client reports; a broker may be slow before.
    is_reported: bool,
    /// The client's own words for the last failed attempt.
    why: Option<String>,
    said: Option<Instant>,
}

impl Reachability {
    pub(crate) fn new(addresses: &str, now: Instant) -> Self {
        let addresses = addresses.to_owned();
        Self { addresses, away_since: Some(now), is_reported: false, why: None, said: None }
    }

    /// All brokers are out of reach.
    pub(crate) fn note_away(&mut self, now: Instant) {
        self.away_since.get_or_insert(now);
        self.is_reported = true;
    }

    /// An attempt to reach a broker failed.
    pub(crate) fn note_failure(&mut self, why: &str) {
        self.why = Some(why.to_owned());
    }

    /// A broker answers. True if that is news to those who were told otherwise.
    pub(crate) fn note_answer(&mut self) -> bool {
        self.away_since = None;
        self.is_reported = false;
        self.why = None;
        self.said.take().is_some()
    }

    /// Whether a broker has to be asked in order to know.
    pub(crate) fn is_doubtful(&self, now: Instant) -> bool {
        !self.is_reported && self.away_for(now).is_some_and(|away| away >= FIRST_ANSWER_MAX)
    }

    /// For how long no broker has answered.
    pub(crate) fn away_for(&self, now: Instant) -> Option<Duration> {
        self.away_since.map(|since| now.saturating_duration_since(since))
    }

    /// Why nothing is read, if no broker answers.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.away_since?;
        let why = self.why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
        Some(format!("kafka: no broker answers at {}{why}: nothing is read until one does", self.addresses))
    }

    /// What to say now, if it is time to.
    pub(crate) fn sentence(&mut self, now: Instant) -> Option<String> {
        let is_due = self.said.is_none_or(|said| now.saturating_duration_since(said) >= SILENCE);
        if !self.is_reported || !is_due {
            return None;
        }
        self.said = Some(now);
        self.trouble()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_said_at_once_then_now_and_then_and_never_after_an_answer() {
        let start = Instant::now();
        let mut reachability = Reachability::new("b1:9092", start);
        assert_eq!(reachability.sentence(start), None, "the brokers have their time");
        reachability.note_failure("Connection refused");
        reachability.note_away(start);
        let said = reachability.sentence(start).unwrap();
        assert_eq!(said, "kafka: no broker answers at b1:9092 (Connection refused): nothing is read until one does");
        // librdkafka reports it tens of times a second.
        let ticks = (1..=600).map(|tick| start + Duration::from_millis(100 * tick));
        let mut count = 0;
        for now in ticks {
            reachability.note_away(now);
            count += usize::from(reachability.sentence(now).is_some());
        }
        assert_eq!(count, 2, "once in 30 s");
        assert_eq!(reachability.away_for(start + Duration::from_secs(60)), Some(Duration::from_secs(60)));
        assert!(reachability.note_answer());
        assert_eq!(reachability.trouble(), None);
        assert!(!reachability.note_answer(), "the second answer is no news");
    }

    #[test]
    fn brokers_that_swallow_packets_are_asked_once_their_time_is_over() {
        let start = Instant::now();
        let mut reachability = Reachability::new("b1:9092", start);
        assert!(!reachability.is_doubtful(start));
        let late = start + FIRST_ANSWER_MAX;
        assert!(reachability.is_doubtful(late));
        assert!(reachability.trouble().is_some(), "`/ready` says it before the log does");
        reachability.note_away(late);
        assert!(reachability.sentence(late).is_some() && !reachability.is_doubtful(late));
    }
}
