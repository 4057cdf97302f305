//! `sluicebox run` as a child process that can be killed.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use sluicebox_console::exit::{Blame as _, Failure};
use sluicebox_console::itself;

use super::interrupt;

/// A running pipeline. Dropping it kills it.
pub(super) struct Worker {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Worker {
    /// Starts to drain the pipeline; its logs are added to `run.log` beside the file.
    pub(super) fn start(pipeline: &Path) -> Result<Worker, Failure> {
        let log_file = pipeline.with_file_name("run.log");
        let log = File::options().create(true).append(true).open(&log_file);
        let log = log.environment(format!("cannot write {}", log_file.display()))?;
        let mut child = itself::command()?
            .arg("run")
            .arg(pipeline)
            .args(["--drain", "--progress"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .environment("cannot start `sluicebox run`")?;
        // At once: an interrupt from now on must not leave the worker behind.
        interrupt::note_worker(child.id());
        let stdout = child.stdout.take().ok_or_else(|| Failure::environment("the child has no stdout"))?;
        Ok(Worker { child, lines: BufReader::new(stdout).lines() })
    }

    /// Waits for the next flush: how many records this worker has committed so far. None when it has ended.
    pub(super) fn committed(&mut self) -> Result<Option<usize>, Failure> {
        let Some(line) = self.lines.next() else { return Ok(None) };
        let progress: serde_json::Value = serde_json::from_str(&line?).environment("the child's progress")?;
        let records = progress.get("records").and_then(serde_json::Value::as_u64);
        records
            .map(|records| Some(records as usize))
            .ok_or_else(|| Failure::environment("the child's progress names no records"))
    }

    /// Kills it as a crash would: by SIGKILL, without a chance to flush.
    pub(super) fn kill(&mut self) -> Result<(), Failure> {
        self.child.kill().environment("cannot kill the child")?;
        self.child.wait().environment("cannot wait for the child")?;
        Ok(())
    }

    /// Waits for its end: whether it was a good one.
    pub(super) fn wait(&mut self, duration_max: Duration) -> Result<bool, Failure> {
        let started = Instant::now();
        while started.elapsed() < duration_max {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status.success());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(false)
    }

    /// It ended when it should not have, or badly: the reason is in its log.
    pub(super) fn unexpected_end(&mut self, pipeline: &Path) -> Failure {
        let log_file = pipeline.with_file_name("run.log");
        let log = std::fs::read_to_string(&log_file).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let last = lines.get(lines.len().saturating_sub(5)..).unwrap_or_default().join("\n");
        Failure::environment(format!("`sluicebox run` ended too early; the end of {}:\n{last}", log_file.display()))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // These fail only if it has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
        interrupt::note_worker(0);
    }
}
