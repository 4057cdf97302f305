//! `sluicebox cost`: the cost of a pipeline as a function, as a container, and with other products, side by side.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::Format;
use super::dlq::wait;
use super::document::read;
use crate::exit::{Blame as _, Failure, Outcome, Verdict};
use crate::terminal::{self, Paint, grouped};
use sluicebox_cost::{Basis, Book, Comparison, Crossing, Figures, Input, Load, Mode, Pipeline};

const AFTER_HELP: &str = "\
Examples:
  sluicebox cost --records-per-second 500 --bytes 300                 a table, and a flush every 10 seconds
  sluicebox cost pipeline.yaml --records-per-second 500 --bytes 300   its tables, and its flush.interval

The formulas, what they leave out, and where the prices are from: docs/cost.md.";

/// Estimate what a pipeline costs in AWS: as a function, as a container, and with other products
///
/// Prices and assumptions come from a file inside this program; --prices takes another. It calls no service. The last lines
/// name the variables of the Terraform modules that hold the figures.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Cost {
    /// A pipeline's YAML file: its number of tables and its `flush.interval` [default: one table, flushed every 10 seconds]
    pipeline: Option<PathBuf>,
    /// Records a second, on average
    #[arg(long, value_name = "RATE", value_parser = positive)]
    records_per_second: f64,
    /// Bytes of a record: key, value and headers
    #[arg(long, value_name = "BYTES", value_parser = positive)]
    bytes: f64,
    /// Records an invocation of the function [default: as many as arrive within --window, up to Lambda's limits]
    #[arg(long, value_name = "RECORDS", value_parser = positive)]
    batch: Option<f64>,
    /// How long Lambda gathers records for an invocation
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration)]
    window: Duration,
    /// How often a schedule invokes the function that reads from Kafka itself
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = duration)]
    drain_every: Duration,
    /// Provisioned poller units; 0 polls on demand
    #[arg(long, value_name = "UNITS", default_value_t = 0)]
    pollers: u32,
    /// A file of prices; docs/cost.md names the one to copy
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
    /// Text for people or JSON for programs
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Cost {
    pub(crate) fn run(self) -> Outcome {
        let book = self.book()?;
        let load = Load { records_per_second: self.records_per_second, record_bytes: self.bytes };
        let mode = Mode {
            batch_records: self.batch,
            window_seconds: self.window.as_secs_f64(),
            drain_interval_seconds: self.drain_every.as_secs_f64(),
            poller_units: f64::from(self.pollers),
            pipeline: self.pipeline.as_deref().map(pipeline).transpose()?,
        };
        let inputs = Input::all(&load, &mode, &book);
        let comparison = Comparison::of(&load, &mode, &book);
        let mut out = terminal::stdout();
        match self.format {
            Format::Text => {
                show(&comparison, &book, Paint::stdout(), &mut out)?;
                show_inputs(&inputs, Paint::stdout(), &mut out)?;
            }
            Format::Json => {
                let all = json!({"currency": "USD", "comparison": comparison, "inputs": inputs, "book": book});
                writeln!(out, "{all}")?;
            }
        }
        Ok(Verdict::Good)
    }

    fn book(&self) -> Result<Book, Failure> {
        let Some(path) = &self.prices else { return Book::own().map_err(Failure::environment) };
        let text = std::fs::read_to_string(path).usage(format!("cannot read {}", path.display()))?;
        Book::parse(&text).map_err(|error| {
            Failure::usage(format!(
                "{} is not a file of prices: {error}; docs/cost.md says how to make one",
                path.display()
            ))
        })
    }
}

/// What the figures need to know of a pipeline's file. Nothing that it names is opened.
fn pipeline(path: &Path) -> Result<Pipeline, Failure> {
    let settings = wait(read(path))?.into_settings();
    let flush_interval_seconds = settings.flush.interval.as_secs_f64();
    Ok(Pipeline { tables: settings.tables.len(), flush_interval_seconds })
}

fn positive(text: &str) -> Result<f64, String> {
    match text.replace('_', "").parse::<f64>() {
        // `parse` takes `inf` and `nan` as well.
        Ok(number) if number.is_finite() && number > 0.0 => Ok(number),
        _ => Err("expected a number above zero".to_owned()),
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("expected a duration with its unit, such as `5s` or `1h`".to_owned()),
    }
}

fn show(comparison: &Comparison, book: &Book, paint: Paint, out: &mut impl Write) -> std::io::Result<()> {
    let records = rate(comparison.records_per_second);
    let batch = grouped(comparison.batch_records.round() as u64);
    writeln!(out, "{records} of {} bytes; {batch} an invocation\n", rounded(comparison.record_bytes))?;
    let titles = format!("{:15} {:>10} {:>12} {:>10}", "", "$/hour", "$/million", "$/TB");
    writeln!(out, "{}", paint.faint(titles))?;
    for Figures { way, what, per_hour, per_million_records, per_terabyte } in &comparison.ways {
        let figures = [per_hour, per_million_records, per_terabyte].map(|dollars| rounded(*dollars));
        let [hour, million, terabyte] = figures;
        writeln!(out, "{way:15} {hour:>10} {million:>12} {terabyte:>10}  {}", paint.faint(what))?;
    }
    writeln!(out, "\n{}", paint.faint("cheaper below the rate, and above it"))?;
    for Crossing { below, above, records_per_second } in &comparison.break_even {
        writeln!(out, "{below:15} {:>24}  {above}", rate(*records_per_second))?;
    }
    let unverified: Vec<&str> = book.resting_on(Basis::Memory).collect();
    writeln!(out, "\nPrices as of {}, US dollars. Kafka, data at rest, traffic and logs are left out.", book.as_of)?;
    if !unverified.is_empty() {
        writeln!(out, "Not looked up: {}. Assumptions and formulas: docs/cost.md.", unverified.join(", "))?;
    }
    Ok(())
}

/// Where an operator who uses Terraform sets the same.
fn show_inputs(inputs: &[Input], paint: Paint, out: &mut impl Write) -> std::io::Result<()> {
    writeln!(out, "\n{}", paint.faint("the figures rest on these, which infra/terraform/modules hold"))?;
    for Input { what, value, unit, modules, variable } in inputs {
        let amount = format!("{} {unit}", rounded_whole(*value));
        writeln!(out, "{what:29} {amount:>11}  {variable:30} {}", paint.faint(modules.join(", ")))?;
    }
    Ok(())
}

/// A figure that is set, not estimated: with all of its digits where it has no fraction.
fn rounded_whole(number: f64) -> String {
    if number.fract() == 0.0 { grouped(number as u64) } else { rounded(number) }
}

fn rate(records_per_second: f64) -> String {
    format!("{} records/s", rounded(records_per_second))
}

/// Three digits that mean something; no more is known.
fn rounded(number: f64) -> String {
    // Zero has no logarithm.
    if number == 0.0 {
        return "0".to_owned();
    }
    // `floor`, because a number below 1 has a negative logarithm, which a cast would cut towards zero.
    let magnitude = number.abs().log10().floor() as i32;
    if magnitude >= 2 {
        let step = 10_f64.powi(magnitude - 2);
        return grouped(((number / step).round() * step) as u64);
    }
    format!("{number:.*}", (2 - magnitude).max(0) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits() {
        let shown: Vec<_> = [0.030_55, 0.3, 35.94, 359.2, 1371.6, 4_937_000.0, 0.000_012_34].map(rounded).to_vec();
        assert_eq!(shown, ["0.0306", "0.300", "35.9", "359", "1,370", "4,940,000", "0.0000123"]);
    }

    #[test]
    fn a_rate_may_be_written_with_underscores_and_is_above_zero() {
        assert_eq!(positive("10_000").unwrap(), 10_000.0);
        assert!(positive("0").is_err() && positive("-1").is_err() && positive("inf").is_err());
        assert!(duration("0s").is_err() && duration("5").is_err());
    }
}
