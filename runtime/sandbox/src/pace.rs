//! How many records the next call may take: as many as there are where all is well, few where culprits are dense.
//!
//! A failed call is work thrown away, so that a call should rarely hold a culprit. Pure, and forgets nothing but what is
//! out of date: it changes which records share a call, never a verdict.

/// The pace of one worker.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Records between culprits, as it has lately been.
    gap: usize,
    /// Records passed since the last culprit.
    since: usize,
    /// Records that are not too much for one call.
    load: usize,
}

/// What is assumed before the first culprit; so large that a few culprits change nothing.
const GAP_AT_FIRST: usize = 1 << 14;

/// A call takes this part of a gap: most calls hold no culprit then, and a fixed cost a call still spreads.
const CALLS_PER_GAP: usize = 4;

impl Default for Pace {
    fn default() -> Self {
        Pace { gap: GAP_AT_FIRST, since: 0, load: usize::MAX }
    }
}

impl Pace {
    /// How many records the next call may take.
    pub(crate) fn records_max(&self) -> usize {
        (self.gap.max(self.since) / CALLS_PER_GAP).min(self.load).max(1)
    }

    /// A call passed; `heavy` if more records would have been too much.
    pub(crate) fn passed(&mut self, records: usize, heavy: bool) {
        self.since = self.since.saturating_add(records);
        if heavy {
            self.too_much(records);
        // Only a call that used the whole allowance tells that it was not too much.
        } else if self.load <= records {
            self.load = self.load.saturating_add(self.load / 4 + 1);
        }
    }

    /// These records were (almost) too much for one call, though perhaps not one of them is guilty.
    pub(crate) fn too_much(&mut self, records: usize) {
        self.load = (records / 2).max(1);
    }

    /// What was too much turns out to have been a single culprit.
    pub(crate) fn lighten(&mut self) {
        self.load = usize::MAX;
    }

    /// A record was condemned.
    pub(crate) fn culprit(&mut self) {
        // An average that forgets: half of what was known, half of what was just seen.
        self.gap = self.gap.midpoint(self.since);
        self.since = 0;
    }

    #[cfg(test)]
    pub(crate) fn with_gap(gap: usize) -> Self {
        Pace { gap, ..Pace::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rare_culprit_changes_little() {
        let mut pace = Pace::default();
        pace.passed(500, false);
        pace.culprit();
        assert!(pace.records_max() >= 1000);
    }

    #[test]
    fn dense_culprits_make_small_calls_and_clean_records_large_ones_again() {
        let mut pace = Pace::default();
        for _ in 0..20 {
            pace.passed(100, false);
            pace.culprit();
        }
        assert!((15..=50).contains(&pace.records_max()), "{}", pace.records_max());
        for _ in 0..20 {
            pace.culprit();
        }
        assert_eq!(pace.records_max(), 1);
        for _ in 0..100 {
            pace.passed(pace.records_max(), false);
        }
        assert!(pace.records_max() >= 1000, "{}", pace.records_max());
    }

    #[test]
    fn heavy_records_share_a_call_as_long_as_it_is_not_too_much() {
        let mut pace = Pace::default();
        for _ in 0..50 {
            let records = pace.records_max().min(1000);
            pace.passed(records, records > 60);
        }
        assert!((30..=66).contains(&pace.records_max()), "{}", pace.records_max());
    }
}
