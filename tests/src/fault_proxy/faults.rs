//! What can go wrong on the way to a store, how often, and how often it has.

use std::time::Duration;

/// One fault of one exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// 503 without asking the store.
    Unavailable,
    /// The connection is reset before the store hears of the request.
    Reset,
    /// The request reaches the store late, even if its sender is dead by then.
    Late,
    /// The store does what it is asked; its response is lost with the connection.
    LostResponse,
    /// The response comes late.
    Slow,
    /// The response comes in two parts with a pause between.
    SlowClose,
    /// The connection is reset in the middle of the response.
    BrokenOff,
}

/// Probabilities of one exchange, from 0 to 1; together at most 1.
#[derive(Debug, Clone, Copy)]
pub struct Faults {
    /// 503 without asking the store.
    pub unavailable: f64,
    /// Reset before the store hears of it.
    pub reset: f64,
    /// Forwarded late.
    pub late: f64,
    /// Done, but the response is lost.
    pub lost_response: f64,
    /// The same for commits, instead of `lost_response`.
    pub lost_commit_response: f64,
    /// Answered late.
    pub slow: f64,
    /// Answered in two parts with a pause between.
    pub slow_close: f64,
    /// Reset in the middle of the answer.
    pub broken_off: f64,
    /// Pauses are evenly distributed up to this.
    pub pause_max: Duration,
}

impl Faults {
    /// None at all.
    pub const NONE: Self = Self {
        unavailable: 0.0,
        reset: 0.0,
        late: 0.0,
        lost_response: 0.0,
        lost_commit_response: 0.0,
        slow: 0.0,
        slow_close: 0.0,
        broken_off: 0.0,
        pause_max: Duration::ZERO,
    };
    /// A bad day: one exchange in thirty, and one commit in ten.
    pub const DRIZZLE: Self = Self {
        unavailable: 0.01,
        reset: 0.005,
        late: 0.005,
        lost_response: 0.005,
        lost_commit_response: 0.08,
        slow: 0.005,
        slow_close: 0.002,
        broken_off: 0.002,
        pause_max: Duration::from_millis(300),
    };
    /// Every third exchange, and pauses of seconds.
    pub const STORM: Self = Self {
        unavailable: 0.10,
        reset: 0.05,
        late: 0.04,
        lost_response: 0.05,
        lost_commit_response: 0.15,
        slow: 0.04,
        slow_close: 0.03,
        broken_off: 0.03,
        pause_max: Duration::from_secs(3),
    };
    /// Nothing gets through.
    pub const OUTAGE: Self = Self { unavailable: 0.7, reset: 0.3, ..Self::NONE };

    pub(super) fn roll(&self, random: &mut fastrand::Rng, is_commit: bool) -> Option<Fault> {
        let lost_response = if is_commit { self.lost_commit_response } else { self.lost_response };
        let mut rest = random.f64();
        let faults = [
            (Fault::Unavailable, self.unavailable),
            (Fault::Reset, self.reset),
            (Fault::Late, self.late),
            (Fault::LostResponse, lost_response),
            (Fault::Slow, self.slow),
            (Fault::SlowClose, self.slow_close),
            (Fault::BrokenOff, self.broken_off),
        ];
        faults.into_iter().find_map(|(fault, probability)| {
            rest -= probability;
            (rest < 0.0).then_some(fault)
        })
    }
}

/// How often what has happened.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    /// All requests.
    pub requests: u64,
    /// Those that cost as a PUT does: PUT, POST, and LIST.
    pub puts: u64,
    /// Of these, those that list objects.
    pub lists: u64,
    /// Those that cost as a GET does: GET and HEAD. The rest deletes, which costs nothing.
    pub gets: u64,
    /// Refused with 503.
    pub unavailable: u64,
    /// Reset before the store heard of it.
    pub reset: u64,
    /// Forwarded late.
    pub late: u64,
    /// Done, and the response lost.
    pub lost_responses: u64,
    /// Answered late.
    pub slow: u64,
    /// Answered in two parts.
    pub slow_closes: u64,
    /// Reset in the middle of the answer.
    pub broken_off: u64,
    /// Commits that the store has accepted.
    pub commits: u64,
    /// Of these, those whose response did not arrive.
    pub lost_commit_responses: u64,
    /// Commits that the store itself refused: the version was taken.
    pub refused_commits: u64,
}

impl Counts {
    /// All faults.
    pub fn faults(&self) -> u64 {
        self.unavailable + self.reset + self.late + self.lost_responses + self.slow + self.slow_closes + self.broken_off
    }

    pub(super) fn add(&mut self, fault: Fault) {
        *match fault {
            Fault::Unavailable => &mut self.unavailable,
            Fault::Reset => &mut self.reset,
            Fault::Late => &mut self.late,
            Fault::LostResponse => &mut self.lost_responses,
            Fault::Slow => &mut self.slow,
            Fault::SlowClose => &mut self.slow_closes,
            Fault::BrokenOff => &mut self.broken_off,
        } += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_come_as_often_as_they_should() {
        let mut random = fastrand::Rng::with_seed(1);
        let faults = Faults { lost_commit_response: 0.5, reset: 0.25, ..Faults::NONE };
        let mut rolled = |is_commit| {
            let rolls: Vec<_> = (0..1_000).map(|_| faults.roll(&mut random, is_commit)).collect();
            [Fault::LostResponse, Fault::Reset].map(|fault| rolls.iter().filter(|&&roll| roll == Some(fault)).count())
        };
        let ([lost_commits, commit_resets], [lost_others, other_resets]) = (rolled(true), rolled(false));
        assert!((450..550).contains(&lost_commits), "{lost_commits}");
        assert_eq!(lost_others, 0);
        assert!([commit_resets, other_resets].iter().all(|resets| (200..300).contains(resets)));
    }
}
