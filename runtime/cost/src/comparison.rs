//! All ways side by side for one load, and the rates at which one becomes cheaper than another.

use serde::Serialize;

use super::prices::Book;
use super::ways::{Load, Mode, Way, batch_records};

const SECONDS_AN_HOUR: f64 = 3600.0;
const BYTES_A_TB: f64 = 1e12;
/// Between these rates a crossing is looked for, in records a second.
const RATES: (f64, f64) = (0.01, 1e7);

/// All ways for one load.
#[derive(Debug, Serialize)]
pub struct Comparison {
    /// The load: records a second.
    pub records_per_second: f64,
    /// The load: bytes a record.
    pub record_bytes: f64,
    /// Records an invocation in event mode.
    pub batch_records: f64,
    /// The figures of each way.
    pub ways: Vec<Figures>,
    /// The rates at which one way becomes cheaper than another.
    pub break_even: Vec<Crossing>,
}

/// What one way costs, in dollars.
#[derive(Debug, Serialize)]
pub struct Figures {
    /// The name of the way.
    pub way: &'static str,
    /// What it pays for, for people.
    pub what: &'static str,
    /// Dollars an hour.
    pub per_hour: f64,
    /// Dollars a million records.
    pub per_million_records: f64,
    /// Dollars a terabyte.
    pub per_terabyte: f64,
}

/// Below this rate one way is cheaper, above it the other.
#[derive(Debug, Serialize)]
pub struct Crossing {
    /// The way that is cheaper below the rate.
    pub below: &'static str,
    /// The way that is cheaper above the rate.
    pub above: &'static str,
    /// The rate.
    pub records_per_second: f64,
}

impl Comparison {
    /// Computes the figures of all ways for one load.
    pub fn of(load: &Load, mode: &Mode, book: &Book) -> Self {
        let pairs = Way::ALL.into_iter().flat_map(|one| Way::ALL.into_iter().map(move |other| (one, other)));
        let ours = [Way::LambdaEvents, Way::LambdaDrain, Way::Fargate];
        let pairs = pairs.filter(|(one, _)| ours.contains(one));
        Self {
            records_per_second: load.records_per_second,
            record_bytes: load.record_bytes,
            batch_records: batch_records(load, mode, book),
            ways: Way::ALL.into_iter().map(|way| Figures::of(way, load, mode, book)).collect(),
            break_even: pairs.filter_map(|(below, above)| crossing(below, above, load, mode, book)).collect(),
        }
    }
}

impl Figures {
    fn of(way: Way, load: &Load, mode: &Mode, book: &Book) -> Self {
        let per_hour = way.per_hour(load, mode, book);
        let records = load.records_per_second * SECONDS_AN_HOUR;
        Self {
            way: way.name(),
            what: way.what(),
            per_hour,
            per_million_records: per_hour / records * 1e6,
            per_terabyte: per_hour / (records * load.record_bytes) * BYTES_A_TB,
        }
    }
}

/// Two ways, compared at one rate after the other.
struct Pair<'a> {
    below: Way,
    above: Way,
    load: &'a Load,
    mode: &'a Mode,
    book: &'a Book,
}

impl Pair<'_> {
    /// Whether `below` is the cheaper one at this rate.
    fn is_in_order(&self, rate: f64) -> bool {
        let load = Load { records_per_second: rate, ..*self.load };
        self.below.per_hour(&load, self.mode, self.book) < self.above.per_hour(&load, self.mode, self.book)
    }
}

/// The first rate at which `below`, cheaper at low rates, costs as much as `above`; none if there is no such rate.
fn crossing(below: Way, above: Way, load: &Load, mode: &Mode, book: &Book) -> Option<Crossing> {
    let pair = Pair { below, above, load, mode, book };
    let (mut low, end) = RATES;
    if !pair.is_in_order(low) {
        return None;
    }
    // Costs rise in steps (another task, another node): walk until they cross, then close in.
    let mut high = low;
    while pair.is_in_order(high) {
        low = high;
        high *= 1.1;
        if high > end {
            return None;
        }
    }
    // Rates span nine powers of ten: a ratio bounds the error at each of them, and so the middle is the geometric one.
    while high / low > 1.0001 {
        let middle = (low * high).sqrt();
        if pair.is_in_order(middle) { low = middle } else { high = middle }
    }
    Some(Crossing { below: below.name(), above: above.name(), records_per_second: high })
}

#[cfg(test)]
mod tests {
    use super::super::ways::{Pipeline, per_record_of_batch};
    use super::*;

    fn book() -> Book {
        Book::own().unwrap()
    }

    fn mode() -> Mode {
        Mode {
            batch_records: None,
            window_seconds: 5.0,
            drain_interval_seconds: 300.0,
            poller_units: 0.0,
            pipeline: None,
        }
    }

    fn about(found: f64, expected: f64) {
        assert!((found / expected - 1.0).abs() < 0.03, "{found}, not {expected}");
    }

    /// A table that was worked out by hand: dollars a million records, and the rates at which a Fargate task of $0.0395 and two DPU of
    /// Glue cost the same.
    #[test]
    fn the_worked_table_comes_out() {
        for (batch, million, fargate, glue) in
            [(100.0, 0.258, 42.6, 948.0), (1000.0, 0.0262, 419.0, 9327.0), (4000.0, 0.0069, 1589.0, 35_400.0)]
        {
            let record = per_record_of_batch(batch, &mode(), &book());
            about(record * 1e6, million);
            about(0.0395 / record / 3600.0, fargate);
            about(0.88 / record / 3600.0, glue);
        }
    }

    #[test]
    fn a_batch_is_as_large_as_window_payload_and_lambda_allow() {
        let batch = |rate, bytes| {
            let load = Load { records_per_second: rate, record_bytes: bytes };
            batch_records(&load, &mode(), &book())
        };
        about(batch(0.01, 500.0), 1.0);
        about(batch(100.0, 500.0), 500.0);
        about(batch(1e6, 500.0), 8800.0);
        about(batch(1e6, 10.0), 10_000.0);
    }

    #[test]
    fn below_a_crossing_one_is_cheaper_and_above_it_is_not() {
        let load = Load { records_per_second: 100.0, record_bytes: 500.0 };
        let cost = |name: &str, rate| {
            let way = Way::ALL.into_iter().find(|way| way.name() == name).unwrap();
            way.per_hour(&Load { records_per_second: rate, ..load }, &mode(), &book())
        };
        let crossings = Comparison::of(&load, &mode(), &book()).break_even;
        assert!(crossings.iter().any(|it| it.below == "lambda_events" && it.above == "fargate"), "{crossings:?}");
        for Crossing { below, above, records_per_second: rate } in crossings {
            assert!(cost(below, rate * 0.999) < cost(above, rate * 0.999), "{below} {above} {rate}");
            assert!(cost(below, rate * 1.001) >= cost(above, rate * 1.001), "{below} {above} {rate}");
        }
    }

    #[test]
    fn a_pipeline_pays_for_its_tables_and_its_flushes() {
        let load = Load { records_per_second: 100.0, record_bytes: 500.0 };
        let cost = |way: Way, tables, flush_interval_seconds| {
            let pipeline = Some(Pipeline { tables, flush_interval_seconds });
            way.per_hour(&load, &Mode { pipeline, ..mode() }, &book())
        };
        let flushes = 360.0 * 1.964e-5;
        about(cost(Way::Fargate, 1, 10.0), Way::Fargate.per_hour(&load, &mode(), &book()));
        about(cost(Way::Fargate, 3, 10.0) - cost(Way::Fargate, 1, 10.0), flushes);
        about(cost(Way::Fargate, 1, 5.0) - cost(Way::Fargate, 1, 10.0), flushes);
        about(cost(Way::LambdaEvents, 3, 10.0) - cost(Way::LambdaEvents, 1, 10.0), 720.0 * 1.964e-5);
        about(cost(Way::LambdaEvents, 1, 5.0), cost(Way::LambdaEvents, 1, 10.0));
    }

    #[test]
    fn a_million_records_of_a_million_bytes_are_a_terabyte() {
        let load = Load { records_per_second: 100.0, record_bytes: 1e6 };
        for figures in Comparison::of(&load, &mode(), &book()).ways {
            about(figures.per_million_records, figures.per_terabyte);
            assert!(figures.per_hour > 0.0);
        }
    }

    #[test]
    fn a_container_costs_the_same_at_any_rate_that_one_task_takes() {
        let cost = |rate| {
            let load = Load { records_per_second: rate, record_bytes: 500.0 };
            Way::Fargate.per_hour(&load, &mode(), &book())
        };
        about(cost(10.0), cost(30_000.0));
        about(cost(10.0), 0.0395 + 360.0 * 1.964e-5);
        about(cost(36_000.0), 2.0 * cost(10.0));
    }
}
