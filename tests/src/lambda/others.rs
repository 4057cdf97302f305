//! A foreign emulator: `cargo lambda watch`, from PyPI. It plays the Runtime API; the function is started beside.

use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::lifeline::Lifeline;
use crate::pipeline::Pipeline;
use crate::{place, ports};

const START_DURATION_MAX: Duration = Duration::from_secs(30);

/// The emulator, and one process of the function. Dropped, both are gone.
pub struct CargoLambda {
    port: u16,
    _function: Lifeline,
    _emulator: Lifeline,
    log: PathBuf,
}

impl CargoLambda {
    /// Starts both.
    pub fn start(pipeline: &Pipeline) -> Result<Self> {
        let port = ports::free(1)?.into_iter().next().context("no port")?;
        let log = pipeline.folder().join("cargo-lambda.log");
        // It wants to be in a project, though it shall build nothing.
        let project = pipeline.folder().join("project");
        std::fs::create_dir_all(project.join("src"))?;
        std::fs::write(
            project.join("Cargo.toml"),
            "[package]\nname = \"function\"\nversion = \"0.1.0\"\n[workspace]\n",
        )?;
        std::fs::write(project.join("src/main.rs"), "fn main() {}\n")?;
        let watch = ["lambda", "watch", "--only-lambda-apis", "--invoke-address", "127.0.0.1", "--invoke-port"];
        let program = ["-C", &project.display().to_string(), &place::cargo_lambda()?.display().to_string()];
        let port_text = port.to_string();
        let emulator = Lifeline::start("env", program.into_iter().chain(watch).chain([port_text.as_str()]), &log)?;
        await_port(port).with_context(|| std::fs::read_to_string(&log).unwrap_or_default())?;
        let mut arguments: Vec<String> =
            pipeline.environment().iter().map(|(name, value)| format!("{name}={value}")).collect();
        arguments.extend([
            format!("SLUICEBOX_PIPELINE={}", pipeline.write()?.display()),
            format!("AWS_LAMBDA_RUNTIME_API=http://127.0.0.1:{port}/.rt"),
            "AWS_LAMBDA_FUNCTION_NAME=_".to_owned(),
            "AWS_LAMBDA_FUNCTION_VERSION=1".to_owned(),
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=1769".to_owned(),
            place::bootstrap()?.display().to_string(),
        ]);
        let function = Lifeline::start("env", arguments, &pipeline.folder().join("pipeline.log"))?;
        Ok(Self { port, _function: function, _emulator: emulator, log })
    }

    /// Invokes as an AWS client does, with curl.
    pub fn invoke(&self, event: &[u8], timeout: Duration) -> Result<String> {
        let file = self.log.with_extension("json");
        std::fs::write(&file, event)?;
        let url = format!("http://127.0.0.1:{}/2015-03-31/functions/_/invocations", self.port);
        let seconds = timeout.as_secs().to_string();
        let output = Command::new("curl")
            .args(["-sS", "--max-time", &seconds, "-H", "content-type: application/json", "--data-binary"])
            .arg(format!("@{}", file.display()))
            .arg(url)
            .stdin(Stdio::null())
            .output()
            .context("can't start curl")?;
        if !output.status.success() {
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            bail!("{}\ncargo-lambda said:\n{log}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8(output.stdout)?)
    }
}

fn await_port(port: u16) -> Result<()> {
    let started = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if started.elapsed() > START_DURATION_MAX {
            bail!("cargo-lambda does not listen on port {port}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
