//! One execution environment: a process that asks for events, one at a time. Killed at the deadline; frozen between events,
//! as Lambda does it, so that nothing goes on behind an answer's back.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::sync::oneshot;

use super::runtime_api::{Desk, RuntimeApi, Said};

/// Lambda's own limit is ten seconds; on a machine with two cores and a dozen environments it may take longer.
const INIT_DURATION_MAX: Duration = Duration::from_secs(60);
/// How long after its answer a process may take to ask for the next event.
const RETURN_DURATION_MAX: Duration = Duration::from_secs(10);
const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// How an invocation ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The function's answer.
    Answered(Value),
    /// The function says that it has failed.
    Failed(Value),
    /// It was killed at the deadline.
    TimedOut,
    /// It was killed, or died.
    Died,
}

/// A process, and the desk where it asks.
pub struct Environment {
    process: Child,
    desk: Arc<Desk>,
    log: PathBuf,
    /// From the start to the first question.
    init_duration: Duration,
}

/// An event that has been handed to an environment, and not yet answered.
pub struct Pending<'a> {
    environment: &'a mut Environment,
    answered: oneshot::Receiver<Said>,
    deadline: Instant,
    /// How often the process had asked when the event was laid out.
    asked: usize,
}

impl Environment {
    /// Starts a process, and waits until it asks for its first event.
    pub fn start(api: &RuntimeApi, binary: &Path, variables: &[(String, String)], log: &Path) -> Result<Self> {
        let started = Instant::now();
        let (address, desk) = api.open();
        let output = File::options().create(true).append(true).open(log)?;
        // Lambda's environment, and not ours.
        let process = Command::new(binary)
            .env_clear()
            .envs([("PATH", "/usr/local/bin:/usr/bin:/bin"), ("LANG", "en_US.UTF-8"), ("TZ", ":UTC")])
            .env("AWS_LAMBDA_RUNTIME_API", address)
            .envs([("AWS_LAMBDA_FUNCTION_NAME", "sluicebox"), ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")])
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1769")
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("can't start {}", binary.display()))?;
        let mut environment = Self { process, desk, log: log.to_owned(), init_duration: Duration::ZERO };
        environment.await_question(1, INIT_DURATION_MAX)?;
        environment.init_duration = started.elapsed();
        Ok(environment)
    }

    /// From the start to the first question.
    pub fn init_duration(&self) -> Duration {
        self.init_duration
    }

    /// The process, for those who measure it.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Hands it an event, and waits for what comes of it.
    pub fn invoke(&mut self, id: &str, body: Vec<u8>, timeout: Duration) -> Result<Outcome> {
        self.begin(id, body, timeout)?.end()
    }

    /// Hands it an event.
    pub fn begin(&mut self, id: &str, body: Vec<u8>, timeout: Duration) -> Result<Pending<'_>> {
        let asked = self.desk.asked();
        let answered = self.desk.lay_out(id, SystemTime::now() + timeout, body.into())?;
        Ok(Pending { environment: self, answered, deadline: Instant::now() + timeout, asked })
    }

    /// Puts it to sleep between two events.
    pub fn freeze(&mut self) -> Result<()> {
        Ok(kill_process(Pid::from_child(&self.process), Signal::STOP)?)
    }

    /// Wakes it.
    pub fn thaw(&mut self) -> Result<()> {
        Ok(kill_process(Pid::from_child(&self.process), Signal::CONT)?)
    }

    /// Whether it has not ended.
    pub fn lives(&mut self) -> Result<bool> {
        Ok(self.process.try_wait()?.is_none())
    }

    /// The end of what all processes of this log have said.
    pub fn said(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines.get(lines.len().saturating_sub(30)..).unwrap_or_default().join("\n")
    }

    fn await_question(&mut self, number: usize, duration_max: Duration) -> Result<()> {
        let started = Instant::now();
        while self.desk.asked() < number {
            if let Some(status) = self.process.try_wait()? {
                let error = self.desk.init_error().unwrap_or_default();
                bail!("the function did not start: {status} {error}\n{}", self.said());
            }
            ensure!(started.elapsed() < duration_max, "no question after {duration_max:?}:\n{}", self.said());
            std::thread::sleep(POLL_INTERVAL);
        }
        Ok(())
    }

    fn kill(&mut self) -> Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }
}

impl Pending<'_> {
    /// What has come of it so far; nothing yet, mostly.
    pub fn poll(&mut self) -> Result<Option<Outcome>> {
        if let Ok(said) = self.answered.try_recv() {
            return self.heard(said).map(Some);
        }
        if !self.environment.lives()? {
            return Ok(Some(Outcome::Died));
        }
        if Instant::now() >= self.deadline {
            self.environment.kill()?;
            return Ok(Some(Outcome::TimedOut));
        }
        std::thread::sleep(POLL_INTERVAL);
        Ok(None)
    }

    /// Waits for what comes of it.
    pub fn end(mut self) -> Result<Outcome> {
        loop {
            if let Some(outcome) = self.poll()? {
                return Ok(outcome);
            }
        }
    }

    /// Kills the process, in the middle of its work. An answer that it has given already is lost.
    pub fn kill(self) -> Result<Outcome> {
        self.environment.kill()?;
        Ok(Outcome::Died)
    }

    /// An environment may be frozen as soon as it asks for the next event.
    fn heard(&mut self, said: Said) -> Result<Outcome> {
        let outcome = match said {
            Said::Answer(body) => Outcome::Answered(serde_json::from_slice(&body)?),
            Said::Error(body) => Outcome::Failed(serde_json::from_slice(&body)?),
        };
        // One that dies of its answer will be noticed when the next event is to go there.
        let _asked_or_dead = self.environment.await_question(self.asked + 1, RETURN_DURATION_MAX);
        Ok(outcome)
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to kill.
        let _killed = self.process.kill();
        let _ended = self.process.wait();
    }
}
