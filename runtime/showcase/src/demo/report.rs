//! The result of the demo, for people and for programs.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::{Value, json};
use sluicebox_console::terminal::{Paint, grouped};

use super::audit::Audit;
use super::timeline::Timeline;
use crate::kafka::Expected;
use crate::orders::Fate;

/// How much of a dead letter's message fits into a line of 80 columns.
const MESSAGE_CHARS_MAX: usize = 36;

/// Everything that is worth telling.
#[derive(Debug)]
pub struct Report {
    pub(super) audit: Audit,
    pub(super) expected: Expected,
    pub(super) killed_after: usize,
    pub(super) timeline: Timeline,
    pub(super) folder: PathBuf,
}

impl Report {
    /// Whether the promise was kept: nothing lost, nothing doubled, and the books agree.
    pub fn is_good(&self) -> bool {
        let Audit { lost, duplicated, filtered, is_sound, .. } = self.audit;
        is_sound && lost == 0 && duplicated == 0 && filtered == self.filtered_expected()
    }

    fn filtered_expected(&self) -> usize {
        self.expected.values().filter(|fate| **fate == Fate::Filtered).count()
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let Audit { rows, dead_letters, filtered, lost, duplicated, reasons, commits, is_sound } = &self.audit;
        let reasons: serde_json::Map<String, Value> =
            reasons.iter().map(|(code, reason)| (code.clone(), json!(reason.count))).collect();
        json!({
            "records": self.expected.len(),
            "rows": rows,
            "filtered": filtered,
            "dead_letters": dead_letters,
            "lost": lost,
            "duplicated": duplicated,
            "seconds": self.timeline.whole().as_secs_f64(),
            "seconds_before_kill": self.timeline.before_kill().as_secs_f64(),
            "seconds_waiting": self.timeline.waiting().as_secs_f64(),
            "records_per_second": self.timeline.median_rate() as u64,
            "killed_after": self.killed_after,
            "commits": commits,
            "audit_sound": is_sound,
            "dead_letters_by_code": reasons,
            "tables": self.folder.join("tables"),
        })
    }

    /// For people.
    pub fn text(&self, paint: Paint) -> String {
        let mut text = String::new();
        // A string takes every write: there is no error to tell.
        self.write(&mut text, paint).unwrap_or_default();
        text
    }

    fn write(&self, text: &mut String, paint: Paint) -> std::fmt::Result {
        let audit = &self.audit;
        let [lost, duplicated] = [audit.lost, audit.duplicated]
            .map(|count| if count == 0 { paint.good(count) } else { paint.bad(grouped(count)) });
        let accounted = audit.rows + audit.filtered + audit.dead_letters;
        writeln!(text, "\n  {:>10}  orders produced", grouped(self.expected.len()))?;
        writeln!(text, "  {:>10}  rows", grouped(audit.rows))?;
        writeln!(text, "  {:>10}  filtered", grouped(audit.filtered))?;
        writeln!(text, "  {:>10}  dead letters", grouped(audit.dead_letters))?;
        writeln!(text, "  {:>10}  accounted for: lost {lost}, duplicated {duplicated}", grouped(accounted))?;
        writeln!(
            text,
            "\n  killed with -9 after {} committed records and started again; {} commits",
            grouped(self.killed_after),
            audit.commits,
        )?;
        self.write_times(text)?;
        writeln!(text, "\n  {}", paint.strong("dead letters by reason"))?;
        for (code, reason) in &audit.reasons {
            let message = shortened(reason.message.lines().next().unwrap_or_default());
            let count = grouped(reason.count);
            let position = paint.faint(format!("{:<14}", reason.position));
            writeln!(text, "  {count:>6}  {code:<18} {position}  {message}")?;
        }
        let orders = self.folder.join("tables/orders");
        let dead_letters = self.folder.join("tables/orders_dlq");
        writeln!(text, "\n  {}", paint.strong("look for yourself"))?;
        writeln!(text, "  sluicebox audit {}", self.folder.join("pipeline.yaml").display())?;
        writeln!(
            text,
            "  duckdb -c \"SELECT currency, sum(amount) FROM delta_scan('{}') GROUP BY 1\"",
            orders.display()
        )?;
        writeln!(
            text,
            "  python3 -c \"from deltalake import DeltaTable; print(DeltaTable('{}').to_pandas())\"",
            dead_letters.display()
        )?;
        writeln!(text, "  {}", paint.faint("for the last line: pip install deltalake pandas"))
    }

    /// How long each phase took. The whole rate would say nothing: most of the time goes to the kill and to the attacks.
    fn write_times(&self, text: &mut String) -> std::fmt::Result {
        let timeline = &self.timeline;
        writeln!(text, "  {}  work of the first worker", seconds(timeline.before_kill()))?;
        writeln!(text, "  {}  until the brokers gave up the killed worker", seconds(timeline.waiting()))?;
        writeln!(text, "  {}  work of the second worker", seconds(timeline.after_waiting()))?;
        writeln!(
            text,
            "  {} records a second in a flush without poison (the median); the slowest flush\n  \
             took {:.1} s: an endless loop or a record that eats all memory ran into its limit",
            grouped(timeline.median_rate() as u64),
            timeline.slowest_seconds(),
        )
    }
}

fn seconds(duration: std::time::Duration) -> String {
    format!("{:>6.1} s", duration.as_secs_f64())
}

/// The message, cut after a whole word where a line has no room for more.
fn shortened(message: &str) -> String {
    if message.chars().count() <= MESSAGE_CHARS_MAX {
        return message.to_owned();
    }
    let head: String = message.chars().take(MESSAGE_CHARS_MAX).collect();
    format!("{} …", head.rsplit_once(' ').map_or(head.as_str(), |(words, _)| words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_ends_after_a_word() {
        assert_eq!(shortened("amount is negative"), "amount is negative");
        let long = "the field placed_at is not a timestamp with an offset";
        assert_eq!(shortened(long), "the field placed_at is not a …");
    }
}
