//! `sluicebox status`: progress, lag and health of a pipeline.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};
use sluicebox_kafka::{Brokers, survey};
use sluicebox_pipeline::PipelineError;
use sluicebox_pipeline::status::{PartitionStatus, status};
use sluicebox_settings::{Settings, SourceSettings};

use super::Format;
use super::dlq::wait;
use super::document::document;
use super::run::{blamed, token_source};
use crate::exit::{Failure, Outcome, Verdict};
use crate::http;
use crate::terminal::{self, Paint, counted, grouped};
use crate::visible::visible;

/// How long the process may take to answer.
const ANSWER_DURATION_MAX: Duration = Duration::from_secs(5);

/// Show progress, lag and health of a pipeline
///
/// Reads the tables' ledgers, asks Kafka for the offsets of each partition, and the process itself if `http.listen` or
/// --url says where. Exit code 1 if the process is not ready or does not answer, or if records are missing.
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// The pipeline's YAML file
    #[arg(default_value = "pipeline.yaml", env = "SLUICEBOX_PIPELINE", hide_env = true)]
    pipeline: PathBuf,
    /// The address of the process, such as http://host:9090 [default: this machine's `http.listen`]
    #[arg(long)]
    url: Option<String>,
    /// Text for people or JSON for programs
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What the process says of itself.
enum Process {
    /// Its address is not known.
    NotAsked,
    Silent {
        url: String,
        error: String,
    },
    Answered(Value),
}

impl Status {
    pub(crate) fn run(self) -> Outcome {
        let settings = document(&self.pipeline)?.into_settings();
        wait(async {
            let tokens = token_source(&settings).await?;
            let settings = &settings;
            let SourceSettings::Kafka(kafka) = &settings.source else {
                return Err(Failure::usage(
                    "`status` is for pipelines that read from Kafka; a file has no end to wait for",
                ));
            };
            let process = self.ask(settings).await;
            // Before the brokers are asked: what the process says matters most when they do not answer.
            if self.format == Format::Text {
                process.show(&settings.name)?;
            }
            let partitions = {
                let surveyed =
                    survey(&Brokers::new(kafka.clone(), tokens)).map_err(PipelineError::from).map_err(blamed)?;
                status(settings, surveyed).await.map_err(blamed)?
            };
            let is_whole = partitions.iter().all(|partition| partition.loss.is_none());
            let is_healthy = is_whole && process.is_well();
            match self.format {
                Format::Text => show(&partitions)?,
                Format::Json => {
                    let answer = process.as_json();
                    let lag: i64 = partitions.iter().map(|partition| partition.lag_records).sum();
                    let all = json!({"pipeline": settings.name, "healthy": is_healthy, "process": answer,
                        "lag_records": lag, "partitions": partitions});
                    writeln!(terminal::stdout(), "{all}")?;
                }
            }
            Ok(if is_healthy { Verdict::Good } else { Verdict::Bad })
        })
    }

    async fn ask(&self, settings: &Settings) -> Process {
        let listening = settings.http.map(|http| http::url(http.listen));
        // The given address wins: the process may run on another machine.
        let Some(url) = self.url.clone().or(listening) else { return Process::NotAsked };
        match answer(&url).await {
            Ok(answer) => Process::Answered(answer),
            Err(error) => Process::Silent { url, error },
        }
    }
}

async fn answer(url: &str) -> Result<Value, String> {
    let (_, text) = http::ask(url, "status", ANSWER_DURATION_MAX).await.map_err(|error| error.to_string())?;
    serde_json::from_str(&text).map_err(|_| "the answer is not that of a `sluicebox run`".to_owned())
}

impl Process {
    fn is_well(&self) -> bool {
        match self {
            Process::NotAsked => true,
            Process::Silent { .. } => false,
            Process::Answered(answer) => answer["ready"] == true,
        }
    }

    fn as_json(&self) -> Value {
        match self {
            Process::NotAsked => Value::Null,
            Process::Silent { url, error } => json!({"ready": false, "url": url, "complaint": error}),
            Process::Answered(answer) => answer.clone(),
        }
    }

    fn show(&self, pipeline: &str) -> Result<(), Failure> {
        let paint = Paint::stdout();
        let mut out = terminal::stdout();
        writeln!(out, "pipeline  {}", paint.strong(pipeline))?;
        match self {
            Process::NotAsked => {
                let hint = "not asked: set `http.listen` in the pipeline file, or give --url";
                writeln!(out, "process   {}", paint.faint(hint))?;
            }
            Process::Silent { url, error } => {
                writeln!(out, "process   {} at {url}: {error}", paint.bad("no answer"))?;
            }
            Process::Answered(answer) => {
                let state = answer["health"]["state"].as_str().unwrap_or("unknown").replace('_', " ");
                let state = if self.is_well() { paint.good(state) } else { paint.bad(state) };
                let digest = answer["transform_digest"].as_str().unwrap_or_default();
                writeln!(out, "process   {state}  {}", paint.faint(digest))?;
                if let Some(complaint) = answer["complaint"].as_str() {
                    writeln!(out, "          {}", visible(complaint))?;
                }
                if let Some(refused) = answer["health"]["refused"].as_str() {
                    writeln!(out, "{}   {refused}", paint.bad("refused"))?;
                }
                show_candidate(&mut out, &answer["health"]["candidate"])?;
            }
        }
        Ok(())
    }
}

/// The results of a candidate so far.
fn show_candidate(out: &mut impl Write, candidate: &Value) -> Result<(), Failure> {
    let paint = Paint::stdout();
    let (Some(probation), Some(digest)) = (candidate["probation"].as_str(), candidate["transform_digest"].as_str())
    else {
        return Ok(());
    };
    writeln!(out, "candidate {probation}  {}", paint.faint(digest))?;
    let comparison = &candidate["comparison"];
    let counts = ["agreed", "differed", "failed", "slower"].map(|name| comparison[name].as_u64());
    if let [Some(agreed), Some(differed), Some(failed), Some(slower)] = counts {
        let [agreed, differed, failed, slower] = [agreed, differed, failed, slower].map(grouped);
        let [candidate, judging] =
            ["candidate_seconds", "judging_seconds"].map(|name| comparison[name].as_f64().unwrap_or_default());
        // Nothing may have been judged yet: never a division by zero.
        let ratio = candidate / judging.max(f64::MIN_POSITIVE);
        writeln!(
            out,
            "          {agreed} agreed · {differed} differed · {failed} failed · {slower} not reached in time · takes {ratio:.2} times as long"
        )?;
    }
    for sample in comparison["samples"].as_array().into_iter().flatten() {
        let [position, what] = ["position", "what"].map(|name| sample[name].as_str().unwrap_or_default());
        writeln!(out, "          {position}  {what}")?;
    }
    if let (Some(rejected), Some(records)) =
        (candidate["rejections"]["rejected"].as_u64(), candidate["rejections"]["records"].as_u64())
    {
        writeln!(out, "          rejected {} of its last {}", grouped(rejected), counted(records as usize, "record"))?;
    }
    Ok(())
}

/// One line a partition, one column a table.
fn show(partitions: &[PartitionStatus]) -> Result<(), Failure> {
    let paint = Paint::stdout();
    let mut out = terminal::stdout();
    let Some(first) = partitions.first() else {
        writeln!(out, "\nno topic matches: is the name right, and may this user see it?")?;
        return Ok(());
    };
    let offset = |offset: Option<i64>| offset.map_or_else(|| "-".to_owned(), grouped);
    let mut lines = vec![["partition"].map(str::to_owned).to_vec()];
    lines[0].extend(first.ledgers.keys().cloned());
    lines[0].extend(["end", "lag", "committed"].map(str::to_owned));
    for partition in partitions {
        let mut line = vec![format!("{}/{}", partition.topic, partition.partition)];
        line.extend(partition.ledgers.values().map(|next| offset(*next)));
        line.extend([
            grouped(partition.end_offset),
            grouped(partition.lag_records),
            offset(partition.committed_offset),
        ]);
        lines.push(line);
    }
    let widths: Vec<usize> = (0..lines[0].len())
        .map(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default())
        .collect();
    writeln!(out)?;
    for (number, line) in lines.iter().enumerate() {
        let cells = line.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| match column {
            0 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        let text = cells.collect::<Vec<_>>().join("  ");
        writeln!(out, "{}", if number == 0 { paint.faint(text) } else { text })?;
    }
    let lag: i64 = partitions.iter().map(|partition| partition.lag_records).sum();
    writeln!(out, "\nlag {}", grouped(lag))?;
    for loss in partitions.iter().filter_map(|partition| partition.loss.as_ref()) {
        writeln!(out, "{} {loss}", paint.bad("✗"))?;
    }
    Ok(())
}
