//! What the demo found, for people and for programs.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::audit::Audit;
use super::kafka::Expected;
use super::orders::Fate;
use crate::terminal::{Paint, grouped};

/// Everything that is worth telling.
pub(super) struct Report {
    pub(super) audit: Audit,
    pub(super) expected: Expected,
    pub(super) killed_after: usize,
    pub(super) duration: Duration,
    /// While working.
    pub(super) records_per_second: f64,
    pub(super) folder: PathBuf,
}

impl Report {
    /// Whether the promise was kept: nothing lost, nothing doubled, and the books agree.
    pub(super) fn is_good(&self) -> bool {
        let Audit { lost, duplicated, filtered, is_sound, .. } = self.audit;
        is_sound && lost == 0 && duplicated == 0 && filtered == self.filtered_expected()
    }

    fn filtered_expected(&self) -> usize {
        self.expected.values().filter(|fate| **fate == Fate::Filtered).count()
    }

    pub(super) fn json(&self) -> Value {
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
            "seconds": self.duration.as_secs_f64(),
            "records_per_second": self.records_per_second as u64,
            "killed_after": self.killed_after,
            "commits": commits,
            "audit_sound": is_sound,
            "dead_letters_by_code": reasons,
            "tables": self.folder.join("tables"),
        })
    }

    pub(super) fn text(&self, paint: Paint) -> String {
        let mut text = String::new();
        // A string takes every write: there is no error to tell.
        self.write(&mut text, paint).unwrap_or_default();
        text
    }

    fn write(&self, text: &mut String, paint: Paint) -> std::fmt::Result {
        let audit = &self.audit;
        let verdict = |count: usize| if count == 0 { paint.good(count) } else { paint.bad(grouped(count)) };
        let accounted = audit.rows + audit.filtered + audit.dead_letters;
        writeln!(text, "\n  {:>10}  orders produced", grouped(self.expected.len()))?;
        writeln!(text, "  {:>10}  rows", grouped(audit.rows))?;
        writeln!(text, "  {:>10}  filtered", grouped(audit.filtered))?;
        writeln!(text, "  {:>10}  dead letters", grouped(audit.dead_letters))?;
        writeln!(
            text,
            "  {:>10}  accounted for: lost {}, duplicated {}",
            grouped(accounted),
            verdict(audit.lost),
            verdict(audit.duplicated)
        )?;
        writeln!(
            text,
            "\n  killed with -9 after {} committed records and started again; {} commits; {} records a second while working,\n  \
             {:.1} s in all, most of which the brokers wait for the killed worker",
            grouped(self.killed_after),
            audit.commits,
            grouped(self.records_per_second as u64),
            self.duration.as_secs_f64(),
        )?;
        writeln!(text, "\n  {}", paint.strong("dead letters by reason"))?;
        for (code, reason) in &audit.reasons {
            let what = format!("{}: {}", reason.stage, reason.message.lines().next().unwrap_or_default());
            writeln!(text, "  {:>10}  {code:<20} {}  {what}", grouped(reason.count), paint.faint(&reason.position))?;
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
        )
    }
}
