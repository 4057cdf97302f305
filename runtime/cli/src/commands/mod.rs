//! The commands, and which of them the command line asks for.

mod artifacts;
mod audit;
mod bench;
mod build;
mod check;
mod clean;
mod completions;
mod cost;
mod demo;
mod dlq;
mod document;
mod explain;
mod health;
mod inspect;
mod keys;
mod man;
mod new;
mod replay;
pub(crate) mod run;
mod schema;
mod status;
mod test;
mod transform;
mod r#try;

use clap::{Parser, Subcommand, ValueEnum};

use crate::exit::Outcome;

const AFTER_HELP: &str = "\
A first transform, without Kafka:
  sluicebox new hello && cd hello
  sluicebox test && sluicebox run && sluicebox audit

Exit codes: 0 success, 1 a negative verdict, 2 usage or configuration, 3 the environment (a retry may help).
Environment: SLUICEBOX_LOG filters the logs (`debug`, `warn`); SLUICEBOX__<KEY>__<KEY> overrides a pipeline's settings;
SLUICEBOX_PIPELINE is the pipeline file of `run`, `check`, `status` and `health` where the command line names none.
Errors: `sluicebox explain E0201` says what a code means and what to do.";

/// wasmtime decides whether a compiled transform can be loaded, so its version is part of ours.
const VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (commit ",
    env!("SLUICEBOX_COMMIT"),
    ", wasmtime ",
    env!("SLUICEBOX_WASMTIME"),
    ")"
);

/// Runs your WebAssembly transform on every record between Kafka and Delta Lake, exactly once.
#[derive(Debug, Parser)]
#[command(name = "sluicebox", version = VERSION, after_help = AFTER_HELP, propagate_version = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    New(new::New),
    Build(build::Build),
    Inspect(inspect::Inspect),
    Try(r#try::Try),
    Test(test::Test),
    Check(check::Check),
    Run(run::Run),
    Status(status::Status),
    Health(health::Health),
    Dlq(dlq::Dlq),
    Replay(replay::Replay),
    Push(artifacts::Push),
    Promote(artifacts::Promote),
    Rollback(artifacts::Rollback),
    Shadow(artifacts::Shadow),
    Canary(artifacts::Canary),
    Withdraw(artifacts::Withdraw),
    Keys(keys::Keys),
    Ls(artifacts::Ls),
    Diff(artifacts::Diff),
    Audit(audit::Audit),
    Demo(demo::Demo),
    Clean(clean::Clean),
    Cost(cost::Cost),
    Bench(bench::Bench),
    Explain(explain::Explain),
    Schema(schema::Schema),
    Completions(completions::Completions),
    Man(man::Man),
}

/// For people, or for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object.
    Json,
}

/// For people, or for programs that read line by line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum LineFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Jsonl,
}

impl Arguments {
    /// The level of our own logs unless `SLUICEBOX_LOG` filters them: a pipeline tells its story, a tool only its troubles.
    pub(crate) fn log_level(&self) -> &'static str {
        match self.command {
            Command::Run(_) => "info",
            _ => "warn",
        }
    }

    /// Does what is asked for.
    pub(crate) fn run(self) -> Outcome {
        match self.command {
            Command::New(new) => new.run(),
            Command::Build(build) => build.run(),
            Command::Inspect(inspect) => inspect.run(),
            Command::Try(r#try) => r#try.run(),
            Command::Test(test) => test.run(),
            Command::Check(check) => check.run(),
            Command::Run(run) => run.run(),
            Command::Status(status) => status.run(),
            Command::Health(health) => health.run(),
            Command::Dlq(dlq) => dlq.run(),
            Command::Replay(replay) => replay.run(),
            Command::Push(push) => push.run(),
            Command::Promote(promote) => promote.run(),
            Command::Rollback(rollback) => rollback.run(),
            Command::Shadow(shadow) => shadow.run(),
            Command::Canary(canary) => canary.run(),
            Command::Withdraw(withdraw) => withdraw.run(),
            Command::Keys(keys) => keys.run(),
            Command::Ls(ls) => ls.run(),
            Command::Diff(diff) => diff.run(),
            Command::Audit(audit) => audit.run(),
            Command::Demo(demo) => demo.run(),
            Command::Clean(clean) => clean.run(),
            Command::Cost(cost) => cost.run(),
            Command::Bench(bench) => bench.run(),
            Command::Explain(explain) => explain.run(),
            Command::Schema(schema) => schema.run(),
            Command::Completions(completions) => completions.run(),
            Command::Man(man) => man.run(),
        }
    }
}
