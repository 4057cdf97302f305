//! A function: as many environments as there are events at once, each used again until it dies.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};

use super::environment::{Environment, Outcome, Pending};
use super::runtime_api::RuntimeApi;
use crate::pipeline::Pipeline;
use crate::place;

/// A function, and its environments.
pub struct Function {
    api: RuntimeApi,
    binary: PathBuf,
    variables: Vec<(String, String)>,
    log: PathBuf,
    idle: Mutex<Vec<Environment>>,
    invocations: AtomicUsize,
    cold_starts: AtomicUsize,
}

impl Function {
    /// `bootstrap` with a pipeline's file of this moment; its log lies beside it.
    pub fn of(pipeline: &Pipeline) -> Result<Self> {
        let file = pipeline.write()?;
        let mut variables = pipeline.environment();
        variables.push(("SLUICEBOX_PIPELINE".to_owned(), file.display().to_string()));
        variables.push(("LAMBDA_TASK_ROOT".to_owned(), pipeline.folder().display().to_string()));
        Self::new(place::bootstrap()?, variables, pipeline.folder().join("pipeline.log"))
    }

    /// Any binary.
    pub fn new(binary: PathBuf, variables: Vec<(String, String)>, log: PathBuf) -> Result<Self> {
        Ok(Self {
            api: RuntimeApi::start()?,
            binary,
            variables,
            log,
            idle: Mutex::default(),
            invocations: AtomicUsize::new(0),
            cold_starts: AtomicUsize::new(0),
        })
    }

    /// Hands an event to an environment, a warm one if there is one, and waits for what comes of it.
    pub fn invoke(&self, event: Vec<u8>, timeout: Duration) -> Result<Outcome> {
        self.invoke_until(event, timeout, |_| Ok(false))
    }

    /// The same, but kills the environment as soon as `is_enough`, which is asked again and again.
    pub fn invoke_until(
        &self,
        event: Vec<u8>,
        timeout: Duration,
        mut is_enough: impl FnMut(&Pending<'_>) -> Result<bool>,
    ) -> Result<Outcome> {
        let mut environment = self.environment()?;
        let id = format!("request-{}", self.invocations.fetch_add(1, Ordering::Relaxed));
        let mut pending = environment.begin(&id, event, timeout)?;
        let outcome = loop {
            if is_enough(&pending)? {
                return pending.kill();
            }
            if let Some(outcome) = pending.poll()? {
                break outcome;
            }
        };
        if matches!(outcome, Outcome::Answered(_) | Outcome::Failed(_)) && environment.lives()? {
            environment.freeze()?;
            self.lock().push(environment);
        }
        Ok(outcome)
    }

    /// A warm environment, woken; or a new one.
    pub fn environment(&self) -> Result<Environment> {
        let idle = self.lock().pop();
        if let Some(mut environment) = idle {
            environment.thaw()?;
            return Ok(environment);
        }
        self.cold_starts.fetch_add(1, Ordering::Relaxed);
        Environment::start(&self.api, &self.binary, &self.variables, &self.log)
    }

    /// Processes started so far.
    pub fn cold_starts(&self) -> usize {
        self.cold_starts.load(Ordering::Relaxed)
    }

    /// The log of all its processes.
    pub fn log(&self) -> Result<String> {
        std::fs::read_to_string(&self.log).with_context(|| format!("can't read {}", self.log.display()))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Environment>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
