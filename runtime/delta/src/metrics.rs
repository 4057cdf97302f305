//! The metrics of commits, by name: docs/metrics.md gives their meaning. Counted per commit, never per row.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};

/// Gives each of these metrics its help text.
pub fn describe() {
    describe_counter!("sluicebox_rows_total", "rows committed, by table");
    describe_histogram!("sluicebox_commit_duration_seconds", Unit::Seconds, "one table's commit, retries included");
    describe_counter!("sluicebox_commit_attempts_failed_total", "commit attempts without a good answer, by table");
    describe_counter!("sluicebox_commits_landed_total", "commits found in the table after a bad answer, by table");
    describe_counter!("sluicebox_commits_fenced_total", "flushes dropped because another worker was first, by table");
    describe_counter!("sluicebox_checkpoints_failed_total", "checkpoints of a table's log that failed, by table");
}

/// Counts one commit, its rows and its duration.
pub fn committed(table: &str, rows: u64, duration: Duration) {
    counter!("sluicebox_rows_total", "table" => table.to_owned()).increment(rows);
    histogram!("sluicebox_commit_duration_seconds", "table" => table.to_owned()).record(duration);
}

/// Counts a commit attempt without a good answer.
pub fn commit_attempt_failed(table: &str) {
    counter!("sluicebox_commit_attempts_failed_total", "table" => table.to_owned()).increment(1);
}

/// Counts a commit that was found in the table after a bad answer.
pub fn commit_had_landed(table: &str) {
    counter!("sluicebox_commits_landed_total", "table" => table.to_owned()).increment(1);
}

/// Counts a flush that was dropped because another worker committed first.
pub fn commit_fenced(table: &str) {
    counter!("sluicebox_commits_fenced_total", "table" => table.to_owned()).increment(1);
}

/// Counts a checkpoint that failed; it is tried again after the next commit.
pub fn checkpoint_failed(table: &str) {
    counter!("sluicebox_checkpoints_failed_total", "table" => table.to_owned()).increment(1);
}
