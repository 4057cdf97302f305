//! What was done, how long it took to get over it, and whether anything was lost or doubled.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::{Episode, SESSION_TIMEOUT};
use crate::fault_proxy::Counts;

/// Work has to go on in every partition so long after a process died or woke.
const BACK_TARGET: Duration = Duration::from_secs(SESSION_TIMEOUT.as_secs() + 5);

/// The account of one run.
#[derive(Debug, Default)]
pub struct Report {
    /// From the first episode to the last.
    pub duration: Duration,
    /// Processes killed with SIGKILL.
    pub kills: usize,
    /// Processes put to sleep past their session, and woken.
    pub zombies: usize,
    /// Members that joined and left.
    pub flaps: usize,
    /// Brokers killed.
    pub broker_kills: usize,
    /// What happened on the line to the store.
    pub faults: Counts,
    /// How often a process found, on committing, that others had its partitions.
    pub fenced: usize,
    /// How often a process found that a commit without an answer had landed.
    pub recognised: usize,
    /// Records that went through, as the topic holds them.
    pub records: usize,
    /// Rows and dead letters that are missing.
    pub lost: usize,
    /// Rows and dead letters that are there more often than once.
    pub duplicated: usize,
    /// Rows and dead letters that no record makes.
    pub foreign: usize,
    /// What `sluicebox audit` found; none if it was not asked.
    pub audit: Option<String>,
    /// What must not be, in words.
    pub violations: Vec<String>,
    pub(super) commits_seen: usize,
    back: BTreeMap<Episode, Vec<Duration>>,
}

impl Report {
    pub(super) fn note_back(&mut self, episode: Episode, duration: Duration) {
        self.back.entry(episode).or_default().push(duration);
    }

    pub(super) fn violate(&mut self, what: String) {
        eprintln!("violation: {what}");
        self.violations.push(what);
    }

    /// Whether every record is where it belongs, once, and no process ended by itself or got stuck.
    pub fn is_sound(&self) -> bool {
        self.violations.is_empty() && (self.lost, self.duplicated, self.foreign) == (0, 0, 0)
    }

    /// How long it took at most to get back to work after a process died or woke.
    pub fn longest_back(&self) -> Duration {
        let of_processes =
            self.back.iter().filter(|(episode, _)| matches!(episode, Episode::Kill(_) | Episode::Zombie(_)));
        of_processes.flat_map(|(_, durations)| durations).max().copied().unwrap_or_default()
    }

    /// Whether that is within the session's time and five seconds.
    pub fn is_back_in_time(&self) -> bool {
        self.longest_back() <= BACK_TARGET
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults = &self.faults;
        let rows = [
            ("processes killed (SIGKILL)", self.kills),
            ("zombies (SIGSTOP past the session, SIGCONT)", self.zombies),
            ("members that joined and left", self.flaps),
            ("brokers killed", self.broker_kills),
            ("requests to S3", faults.requests as usize),
            ("faults on the way to S3", faults.faults() as usize),
            ("  refused with 503", faults.unavailable as usize),
            ("  reset before the store heard", faults.reset as usize),
            ("  forwarded late", faults.late as usize),
            ("  done, response lost", faults.lost_responses as usize),
            ("  answered late", faults.slow as usize),
            ("  answered in pieces", faults.slow_closes as usize),
            ("  answer broken off", faults.broken_off as usize),
            ("commits that landed", faults.commits as usize),
            ("  of which the response was lost", faults.lost_commit_responses as usize),
            ("commits that found their version taken", faults.refused_commits as usize),
            ("commits that a process gave up as no longer its own", self.fenced),
            ("commits without an answer, found to have landed", self.recognised),
            ("records", self.records),
            ("lost", self.lost),
            ("duplicated", self.duplicated),
            ("from nowhere", self.foreign),
            ("other violations", self.violations.len()),
        ];
        writeln!(out, "{:<52}{:>9.0} s", "chaos for", self.duration.as_secs_f64())?;
        for (name, count) in rows {
            writeln!(out, "{name:<52}{count:>9}")?;
        }
        writeln!(out, "{:<52}{}", "sluicebox audit", self.audit.as_deref().unwrap_or("not asked"))?;
        writeln!(out, "\nback to work in every partition, in seconds     times  median  longest")?;
        for (episode, durations) in &self.back {
            let mut durations = durations.clone();
            durations.sort_unstable();
            let at = |index: usize| durations.get(index).map_or(0.0, Duration::as_secs_f64);
            let (median, longest) = (at(durations.len() / 2), at(durations.len() - 1));
            writeln!(out, "  {:<46}{:>5}{median:>8.1}{longest:>9.1}", episode.to_string(), durations.len())?;
        }
        let target = if self.is_back_in_time() { "kept" } else { "missed" };
        writeln!(out, "target after a kill or a wake: {} s, {target}", BACK_TARGET.as_secs())
    }
}
