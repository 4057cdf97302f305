//! A pipeline in a folder of its own, and the `sluicebox` process that runs it. Knows the file's keys and the exit codes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::lifeline::Lifeline;
use crate::place;
use crate::s3::{self, BUCKET, S3};
use crate::tables::Location;

/// A temporary folder with `pipeline.yaml`; its tables lie there too, and all goes with it.
pub struct Pipeline {
    folder: TempDir,
    name: String,
    /// The pipeline file as it will be written: JSON is YAML. Tests change it before a run.
    pub settings: Value,
    /// Where its tables lie instead of in the folder: the store, and the address at which processes reach it.
    on_s3: Option<(&'static S3, String)>,
}

impl Pipeline {
    /// A pipeline of one transform, `target/guests/<guest>.wasm`, and the tables that it writes.
    pub fn new(name: &str, guest: &str, tables: &[&str], source: Value) -> Result<Self> {
        let places = tables.iter().map(|table| ((*table).to_owned(), json!({"path": format!("tables/{table}")})));
        let settings = json!({
            "name": name,
            "source": source,
            "transform": {"wasm": place::guest(guest)?},
            "tables": places.collect::<serde_json::Map<_, _>>(),
            "dead_letters": {"path": "tables/dead_letters"},
        });
        Ok(Self { folder: tempfile::tempdir()?, name: name.to_owned(), settings, on_s3: None })
    }

    /// Puts the tables into the store's bucket, under the pipeline's name. Processes reach the store at `address`, which
    /// may be a proxy's; the readers ask the store itself.
    pub fn on_s3(mut self, store: &'static S3, address: String) -> Self {
        let prefix = format!("s3://{BUCKET}/{}", self.name);
        if let Some(tables) = self.settings["tables"].as_object_mut() {
            tables.iter_mut().for_each(|(name, place)| place["path"] = json!(format!("{prefix}/{name}")));
        }
        self.settings["dead_letters"]["path"] = json!(format!("{prefix}/dead_letters"));
        self.on_s3 = Some((store, address));
        self
    }

    /// The pipeline's name, which is also its tables' application id.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The folder that relative paths of the file start from.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where a table lies: one of the transform's, or `dead_letters`.
    pub fn table(&self, name: &str) -> PathBuf {
        self.folder().join("tables").join(name)
    }

    /// The same for the readers, wherever it lies.
    pub fn location(&self, name: &str) -> Location {
        match &self.on_s3 {
            None => self.table(name).as_path().into(),
            Some((store, _)) => {
                Location { path: format!("s3://{BUCKET}/{}/{name}", self.name), environment: store.environment() }
            }
        }
    }

    /// What its processes must have in their environment to reach the tables.
    pub fn environment(&self) -> Vec<(String, String)> {
        self.on_s3.as_ref().map_or(Vec::new(), |(_, address)| s3::environment(address))
    }

    /// How many versions a table has; cheap enough to be asked again and again.
    pub fn versions(&self, table: &str) -> usize {
        let log = fs::read_dir(self.table(table).join("_delta_log"));
        let commits = log.into_iter().flatten().flatten().map(|entry| entry.path());
        commits.filter(|path| path.extension().is_some_and(|extension| extension == "json")).count()
    }

    /// All that runs of this pipeline have said so far.
    pub fn log(&self) -> Result<String> {
        let log = self.folder().join("pipeline.log");
        Ok(if log.exists() { fs::read_to_string(log)? } else { String::new() })
    }

    /// Starts `sluicebox run` with the settings of this moment. `arguments` are further ones: `["--drain"]`.
    pub fn start(&self, arguments: &[&str]) -> Result<Run> {
        Run::start(&self.write()?, arguments, &self.environment())
    }

    /// Writes the pipeline file, with the settings of this moment; at one stroke, as processes may be reading it.
    pub fn write(&self) -> Result<PathBuf> {
        let (file, draft) = (self.folder().join("pipeline.yaml"), self.folder().join("pipeline.yaml.draft"));
        fs::write(&draft, serde_json::to_string_pretty(&self.settings)?)?;
        fs::rename(&draft, &file)?;
        Ok(file)
    }

    /// How often its processes have logged this message.
    pub fn logged(&self, message: &str) -> Result<usize> {
        let log = fs::read_to_string(self.folder().join("pipeline.log"))?;
        Ok(log.matches(&format!(r#""message":"{message}""#)).count())
    }

    /// Runs to the end offsets of now, and demands success.
    pub fn drain(&self) -> Result<()> {
        let mut run = self.start(&["--drain"])?;
        let status = run.wait(Duration::from_secs(120))?;
        ensure!(status.success(), "draining ended with {status}:\n{}", run.said());
        Ok(())
    }
}

/// One `sluicebox run` process. Dropped, it is killed.
pub struct Run {
    process: Child,
    log: PathBuf,
    _lifeline: Lifeline,
}

impl Run {
    /// Runs a pipeline file; both outputs go to a log beside it.
    pub fn start(file: &Path, arguments: &[&str], environment: &[(String, String)]) -> Result<Self> {
        let log = file.with_extension("log");
        let output = fs::OpenOptions::new().create(true).append(true).open(&log)?;
        let process = Command::new(place::sluicebox()?)
            .arg("run")
            .arg(file)
            .args(arguments)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .context("can't start sluicebox")?;
        let lifeline = Lifeline::of(&process)?;
        Ok(Self { process, log, _lifeline: lifeline })
    }

    /// The process, for those who measure it.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Asks it to flush, commit and go.
    pub fn terminate(&mut self) -> Result<()> {
        Ok(kill_process(Pid::from_child(&self.process), Signal::TERM)?)
    }

    /// Puts it to sleep, in the middle of its work.
    pub fn pause(&mut self) -> Result<()> {
        Ok(kill_process(Pid::from_child(&self.process), Signal::STOP)?)
    }

    /// Wakes it.
    pub fn resume(&mut self) -> Result<()> {
        Ok(kill_process(Pid::from_child(&self.process), Signal::CONT)?)
    }

    /// Kills it as a crash would, and waits until it is gone.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }

    /// Puts it to sleep, as a virtual machine that is being moved, until [`Self::wake`].
    pub fn sleep(&self) -> Result<()> {
        Ok(kill_process(Pid::from_child(&self.process), Signal::STOP)?)
    }

    /// Lets it go on where it slept in; it does not know that time has passed.
    pub fn wake(&self) -> Result<()> {
        Ok(kill_process(Pid::from_child(&self.process), Signal::CONT)?)
    }

    /// Whether it has not ended by itself.
    pub fn lives(&mut self) -> Result<bool> {
        Ok(self.process.try_wait()?.is_none())
    }

    /// Waits for its end; an error if it takes longer.
    pub fn wait(&mut self, duration_max: Duration) -> Result<ExitStatus> {
        let started = Instant::now();
        while started.elapsed() < duration_max {
            if let Some(status) = self.process.try_wait()? {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!("sluicebox still runs after {duration_max:?}; it said:\n{}", self.said())
    }

    /// The end of what all runs of this file have said so far.
    pub fn said(&self) -> String {
        const LINES_MAX: usize = 40;
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines.get(lines.len().saturating_sub(LINES_MAX)..).unwrap_or_default().join("\n")
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to kill.
        let _killed = self.process.kill();
        let _ended = self.process.wait();
    }
}

/// Waits until `condition` holds; an error that names `what` if it takes longer.
pub fn await_until(what: &str, duration_max: Duration, mut condition: impl FnMut() -> Result<bool>) -> Result<()> {
    let started = Instant::now();
    while started.elapsed() < duration_max {
        if condition()? {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    bail!("waited {duration_max:?} for this: {what}")
}
