//! A fake transform whose records behave in every way: each gets its own verdict, once, in order, and at few calls.

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
        walk(&mut self, records, pace, |_| false).unwrap();
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
        let culprit = records.clone().find(|&record| match self.kinds[record] {
            Kind::Good => false,
            Kind::Delicate => !fresh,
            _ => true,
        });
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
        let guilty = kinds.iter().map(|kind| !matches!(kind, Kind::Good | Kind::Delicate));
        let expected: Vec<_> = guilty.enumerate().collect();
        prop_assert_eq!(fake.verdicts, expected);
    }
}

#[test]
fn one_culprit_in_a_thousand_costs_at_most_twenty_more_calls() {
    for kind in [Kind::Mute, Kind::Confessing, Kind::Conspicuous] {
        let most = (0..1000)
            .map(|culprit| {
                let mut kinds = vec![Kind::Good; 1000];
                kinds[culprit] = kind;
                Fake::new(kinds).walked(&mut Pace::default()).calls
            })
            .max()
            .unwrap();
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
