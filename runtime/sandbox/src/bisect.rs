//! Batch for speed, record for blame: which calls to make until every record has its verdict.
//!
//! Pure: it plans calls and knows neither wasm nor clocks; a [`Caller`] makes them. Three promises, each tested below:
//! every record gets its verdict exactly once and in order; a record is only condemned by its own confession or when it
//! stood alone on a fresh instance; one culprit among 1,000 records costs at most 20 more calls.

use std::ops::Range;

use crate::pace::Pace;

/// Makes the calls, and keeps the verdicts.
pub(crate) trait Caller {
    /// Why a call failed, as it will be told of a condemned record.
    type Failure;
    /// The host's own trouble, which ends the walk without a verdict.
    type Error;

    /// Has these records processed, on a fresh instance if asked; keeps what comes back if all is well.
    fn call(&mut self, records: Range<usize>, fresh: bool) -> Result<Attempt<Self::Failure>, Self::Error>;

    /// This record's verdict is that it failed.
    fn condemn(&mut self, record: usize, failure: Self::Failure);
}

/// What became of one call.
#[derive(Debug)]
pub(crate) enum Attempt<F> {
    /// All its records have their verdicts. `heavy` if it came close to a limit that holds for a call as a whole.
    Passed { heavy: bool },
    /// One record blames itself: no trial needed.
    Confessed { record: usize, failure: F },
    /// It failed. On a fresh instance, a single record is thereby guilty.
    Failed { failure: F, fresh: bool, clue: Clue },
}

/// What a failed call tells about its culprit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clue {
    /// At least one record is guilty; if the one half is innocent, it is in the other.
    Culprit,
    /// This record is probably guilty.
    Suspect(usize),
    /// Perhaps no record is guilty: together they were too much.
    TooMuch,
}

/// What is still to be done, the next on top.
enum Work<F> {
    Attempt(Range<usize>),
    Alone(usize),
    Condemn(usize, F),
    /// The right half of a range that holds a culprit; `failures` as counted before its left half was tried.
    RightHalf {
        records: Range<usize>,
        failures: usize,
    },
}

impl<F> Work<F> {
    /// Verdicts come in order: all records before this one have theirs.
    fn start(&self) -> usize {
        match self {
            Work::Attempt(records) | Work::RightHalf { records, .. } => records.start,
            Work::Alone(record) | Work::Condemn(record, _) => *record,
        }
    }
}

/// Calls until each of `records` records has its verdict, or, once the first has, `is_enough` says so. Returns how many of
/// them have.
pub(crate) fn walk<C: Caller>(
    caller: &mut C,
    records: usize,
    pace: &mut Pace,
    is_enough: impl Fn() -> bool,
) -> Result<usize, C::Error> {
    let mut walk = Walk { caller, pace, todo: vec![Work::Attempt(0..records)], failures: 0 };
    while let Some(work) = walk.todo.pop() {
        if work.start() > 0 && is_enough() {
            return Ok(work.start());
        }
        match work {
            Work::Attempt(range) => walk.attempt(range)?,
            Work::Alone(record) => walk.call(record..record + 1, true)?,
            Work::Condemn(record, failure) => walk.condemn(record, failure),
            Work::RightHalf { records, failures } if walk.failures == failures => walk.split(records),
            Work::RightHalf { records, .. } => walk.attempt(records)?,
        }
    }
    Ok(records)
}

struct Walk<'a, C: Caller> {
    caller: &'a mut C,
    pace: &'a mut Pace,
    /// A stack of our own: a guest that fails ever anew must not exhaust ours.
    todo: Vec<Work<C::Failure>>,
    failures: usize,
}

impl<C: Caller> Walk<'_, C> {
    /// Calls with as many of the records as the pace allows, and leaves the rest for later.
    fn attempt(&mut self, range: Range<usize>) -> Result<(), C::Error> {
        if range.is_empty() {
            return Ok(());
        }
        let end = range.end.min(range.start.saturating_add(self.pace.records_max()));
        if end < range.end {
            self.todo.push(Work::Attempt(end..range.end));
        }
        self.call(range.start..end, false)
    }

    fn call(&mut self, range: Range<usize>, fresh: bool) -> Result<(), C::Error> {
        match self.caller.call(range.clone(), fresh)? {
            Attempt::Passed { heavy } => self.pace.passed(range.len(), heavy),
            Attempt::Confessed { record, failure } => {
                self.failures += 1;
                self.around(range, record, Work::Condemn(record, failure));
            }
            Attempt::Failed { failure, fresh, clue } => {
                self.failures += 1;
                match clue {
                    _ if range.len() == 1 && fresh => {
                        // What was too much was this record, not its company.
                        self.pace.lighten();
                        self.condemn(range.start, failure);
                    }
                    _ if range.len() == 1 => self.todo.push(Work::Alone(range.start)),
                    Clue::Culprit => self.split(range),
                    Clue::Suspect(record) => self.around(range, record, Work::Alone(record)),
                    Clue::TooMuch => {
                        self.pace.too_much(range.len());
                        let middle = range.start + range.len() / 2;
                        self.todo.push(half(middle..range.end));
                        self.todo.push(half(range.start..middle));
                    }
                }
            }
        }
        Ok(())
    }

    /// Plans the records before `record`, then it, then those behind it.
    fn around(&mut self, range: Range<usize>, record: usize, then: Work<C::Failure>) {
        self.todo.push(Work::Attempt(record + 1..range.end));
        self.todo.push(then);
        self.todo.push(Work::Attempt(range.start..record));
    }

    /// Plans the halves of a range that is known to hold a culprit: it need not be tried as a whole (again).
    fn split(&mut self, range: Range<usize>) {
        if range.len() == 1 {
            self.todo.push(Work::Alone(range.start));
            return;
        }
        let middle = range.start + range.len() / 2;
        self.todo.push(Work::RightHalf { records: middle..range.end, failures: self.failures });
        self.todo.push(Work::Attempt(range.start..middle));
    }

    fn condemn(&mut self, record: usize, failure: C::Failure) {
        self.pace.culprit();
        self.caller.condemn(record, failure);
    }
}

/// Half of what was too much. A single record is better tried on a fresh instance at once than twice.
fn half<F>(records: Range<usize>) -> Work<F> {
    if records.len() == 1 { Work::Alone(records.start) } else { Work::Attempt(records) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// How a record of the fake transform behaves.
    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Kind {
        Good,
        /// Traps without a word.
        Mute,
        /// Traps and says that it was it.
        Confessing,
        /// The host can tell that it was probably it.
        Conspicuous,
        /// Traps only on an instance that has served before.
        Delicate,
    }

    struct Fake {
        kinds: Vec<Kind>,
        served: bool,
        calls: usize,
        call_records_max: usize,
        /// Record, and whether it was condemned.
        verdicts: Vec<(usize, bool)>,
        /// The last failed call: its records, and whether the instance was fresh.
        trial: Option<(Range<usize>, bool, Kind)>,
    }

    impl Fake {
        fn new(kinds: Vec<Kind>) -> Self {
            Fake { kinds, served: false, calls: 0, call_records_max: usize::MAX, verdicts: Vec::new(), trial: None }
        }

        fn walked(mut self, pace: &mut Pace) -> Self {
            let records = self.kinds.len();
            walk(&mut self, records, pace, || false).unwrap();
            self
        }
    }

    impl Caller for Fake {
        type Failure = Kind;
        type Error = std::convert::Infallible;

        fn call(&mut self, records: Range<usize>, fresh: bool) -> Result<Attempt<Kind>, Self::Error> {
            self.calls += 1;
            let fresh = fresh || !self.served;
            self.served = true;
            let too_much = records.len() > self.call_records_max;
            let bad = |&record: &usize| match self.kinds[record] {
                Kind::Good => false,
                Kind::Delicate => !fresh,
                _ => true,
            };
            let culprit = records.clone().find(bad);
            if culprit.is_none() && !too_much {
                self.verdicts.extend(records.map(|record| (record, false)));
                return Ok(Attempt::Passed { heavy: false });
            }
            self.served = false;
            if too_much {
                return Ok(Attempt::Failed { failure: Kind::Good, fresh, clue: Clue::TooMuch });
            }
            let culprit = culprit.unwrap();
            let failure = self.kinds[culprit];
            self.trial = Some((records, fresh, failure));
            Ok(match failure {
                Kind::Confessing => Attempt::Confessed { record: culprit, failure },
                Kind::Conspicuous => Attempt::Failed { failure, fresh, clue: Clue::Suspect(culprit) },
                _ => Attempt::Failed { failure, fresh, clue: Clue::Culprit },
            })
        }

        fn condemn(&mut self, record: usize, failure: Kind) {
            let (records, fresh, kind) = self.trial.clone().unwrap();
            assert_eq!(kind, failure);
            assert!(
                failure == Kind::Confessing || (fresh && records == (record..record + 1)),
                "condemned {record} unheard"
            );
            self.verdicts.push((record, true));
        }
    }

    fn kind() -> impl Strategy<Value = Kind> {
        prop_oneof![
            20 => Just(Kind::Good), 1 => Just(Kind::Mute), 1 => Just(Kind::Confessing),
            1 => Just(Kind::Conspicuous), 1 => Just(Kind::Delicate),
        ]
    }

    proptest! {
        #[test]
        fn every_record_gets_its_own_verdict_once_and_in_order(
            kinds in prop::collection::vec(kind(), 0..300),
            call_records_max in 1usize..400,
            gap in 1usize..400,
        ) {
            let mut fake = Fake::new(kinds.clone());
            fake.call_records_max = call_records_max;
            let fake = fake.walked(&mut Pace::with_gap(gap));
            let guilty = |kind| !matches!(kind, Kind::Good | Kind::Delicate);
            let expected: Vec<_> = kinds.iter().enumerate().map(|(record, &kind)| (record, guilty(kind))).collect();
            prop_assert_eq!(fake.verdicts, expected);
        }
    }

    #[test]
    fn one_culprit_in_a_thousand_costs_at_most_twenty_more_calls() {
        for kind in [Kind::Mute, Kind::Confessing, Kind::Conspicuous] {
            let calls = |culprit: usize| {
                let mut kinds = vec![Kind::Good; 1000];
                kinds[culprit] = kind;
                Fake::new(kinds).walked(&mut Pace::default()).calls
            };
            let most = (0..1000).map(calls).max().unwrap();
            assert!(most <= 21, "{kind:?}: {most} calls");
        }
    }

    #[test]
    fn a_partition_of_only_poison_takes_one_call_a_record_in_the_end() {
        for kind in [Kind::Mute, Kind::Confessing] {
            let mut pace = Pace::default();
            Fake::new(vec![kind; 1000]).walked(&mut pace);
            let calls = Fake::new(vec![kind; 1000]).walked(&mut pace).calls;
            assert!(calls <= 1010, "{kind:?}: {calls} calls");
        }
    }

    #[test]
    fn clean_batches_are_one_call_again_after_poison() {
        let mut pace = Pace::default();
        Fake::new(vec![Kind::Confessing; 1000]).walked(&mut pace);
        for _ in 0..5 {
            Fake::new(vec![Kind::Good; 1000]).walked(&mut pace);
        }
        assert_eq!(Fake::new(vec![Kind::Good; 1000]).walked(&mut pace).calls, 1);
    }
}
