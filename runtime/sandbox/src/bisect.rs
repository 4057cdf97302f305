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
    /// The walk is to end, with no verdict on these records.
    Stopped,
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

/// The work that is left, the next on top.
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

/// Calls until each of `records` records has its verdict, or, once the first has, `is_enough` says so; or until a call is
/// stopped. Returns how many of them have.
pub(crate) fn walk<C: Caller>(
    caller: &mut C,
    records: usize,
    pace: &mut Pace,
    is_enough: impl Fn(&C) -> bool,
) -> Result<usize, C::Error> {
    let mut walk = Walk { caller, pace, todo: vec![Work::Attempt(0..records)], failures: 0, stopped: None };
    while let Some(work) = walk.todo.pop() {
        // Never before the first verdict: a budget that is too small would bring the same batch back for ever.
        if work.start() > 0 && is_enough(walk.caller) {
            return Ok(work.start());
        }
        match work {
            Work::Attempt(range) => walk.attempt(range)?,
            Work::Alone(record) => walk.call(record..record + 1, true)?,
            Work::Condemn(record, failure) => walk.condemn(record, failure),
            // No failure since its left half was planned: that half is innocent, so the culprit is here and a trial of
            // the whole range would tell nothing new.
            Work::RightHalf { records, failures } if walk.failures == failures => walk.split(records),
            Work::RightHalf { records, .. } => walk.attempt(records)?,
        }
        if let Some(record) = walk.stopped {
            return Ok(record);
        }
    }
    Ok(records)
}

struct Walk<'a, C: Caller> {
    caller: &'a mut C,
    pace: &'a mut Pace,
    /// A stack on the heap: a guest that fails again and again must not exhaust the thread's own.
    todo: Vec<Work<C::Failure>>,
    failures: usize,
    /// The first record of a call that was stopped.
    stopped: Option<usize>,
}

impl<C: Caller> Walk<'_, C> {
    /// Calls with as many of the records as the pace allows, and leaves the rest for later.
    fn attempt(&mut self, range: Range<usize>) -> Result<(), C::Error> {
        if range.is_empty() {
            return Ok(());
        }
        let end = range.end.min(range.start.saturating_add(self.pace.records_max()));
        if end < range.end {
            // Before the call: what the call plans for its own records must lie above this on the stack.
            self.todo.push(Work::Attempt(end..range.end));
        }
        self.call(range.start..end, false)
    }

    fn call(&mut self, range: Range<usize>, fresh: bool) -> Result<(), C::Error> {
        match self.caller.call(range.clone(), fresh)? {
            Attempt::Passed { heavy } => self.pace.passed(range.len(), heavy),
            Attempt::Stopped => self.stopped = Some(range.start),
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
                    // The instance had a past, which may be at fault: the record gets a fresh one before it is
                    // condemned.
                    _ if range.len() == 1 => self.todo.push(Work::Alone(range.start)),
                    Clue::Culprit => self.split(range),
                    Clue::Suspect(record) => self.around(range, record, Work::Alone(record)),
                    Clue::TooMuch => {
                        self.pace.too_much(range.len());
                        let middle = range.start + range.len() / 2;
                        // The right half first: a stack gives back the left one before it, and verdicts come in order.
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
        // The other way round than they are to run, because the stack gives back the last one first.
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
mod tests;
