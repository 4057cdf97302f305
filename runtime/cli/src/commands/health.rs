//! `sluicebox health`: asks the process on this machine whether it is alive, for the health check of a container.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::dlq::wait;
use super::document::{read, title};
use crate::exit::{Blame as _, Failure, Outcome, Verdict};
use crate::http;
use crate::terminal;

/// How long the process may take to answer.
const ANSWER_DURATION_MAX: Duration = Duration::from_secs(2);

const AFTER_HELP: &str = "\
Examples:
  sluicebox health                               at `http.listen` of pipeline.yaml
  sluicebox health --url http://127.0.0.1:9090   without a pipeline file";

/// Ask a running pipeline whether it is alive, for the health check of a container
///
/// Exit code 0 if the process answers yes, 1 if it answers anything else, 3 if it does not answer within two seconds. The
/// command reads no table and asks no broker; `sluicebox status` does.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Health {
    /// The pipeline's YAML file, which says where the process listens
    #[arg(default_value = "pipeline.yaml", env = "SLUICEBOX_PIPELINE", hide_env = true)]
    pipeline: PathBuf,
    /// The address of the process, such as http://host:9090 [default: this machine's `http.listen`]
    #[arg(long)]
    url: Option<String>,
    /// Ask whether it is ready, too: a process that waits for a store or for brokers is alive, but not ready
    #[arg(long)]
    ready: bool,
}

impl Health {
    pub(crate) fn run(self) -> Outcome {
        wait(async {
            let url = match &self.url {
                // No file is read then: the container may have none.
                Some(url) => url.clone(),
                None => self.listening().await?,
            };
            let path = if self.ready { "ready" } else { "live" };
            let answer = http::ask(&url, path, ANSWER_DURATION_MAX).await;
            let (status, text) = answer.environment("the process does not answer; is it running?")?;
            writeln!(terminal::stdout(), "{}", text.trim_end())?;
            Ok(if status.is_success() { Verdict::Good } else { Verdict::Bad })
        })
    }

    async fn listening(&self) -> Result<String, Failure> {
        let settings = read(&self.pipeline).await?.into_settings();
        let http = settings.http.ok_or_else(|| {
            let title = title(&self.pipeline);
            Failure::usage(format!(
                "{title} has no `http.listen`, so the process listens nowhere; set it, or give --url"
            ))
        })?;
        Ok(http::url(http.listen))
    }
}
