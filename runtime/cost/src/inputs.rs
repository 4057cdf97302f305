//! What the figures of our own ways rest on, and the variables of `infra/terraform/modules` that hold the same. The unit test
//! reads the modules, so a variable that is renamed there fails here.

use serde::Serialize;

use super::prices::Book;
use super::ways::{Load, Mode, TASK_GB, TASK_VCPU, batch_records, flush_interval_seconds, tables, tasks};

/// A figure that the operator chooses.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Input {
    /// What it is.
    pub what: &'static str,
    /// Its value.
    pub value: f64,
    /// What it is counted in.
    pub unit: &'static str,
    /// The modules that have the variable.
    pub modules: &'static [&'static str],
    /// The variable, with the path of attributes within it.
    pub variable: &'static str,
}

const BOTH: &[&str] = &["lambda", "service"];
const LAMBDA: &[&str] = &["lambda"];
const SCHEDULE: &[&str] = &["schedule"];
const SERVICE: &[&str] = &["service"];

impl Input {
    /// All of them for a load.
    pub fn all(load: &Load, mode: &Mode, book: &Book) -> Vec<Self> {
        let batch = batch_records(load, mode, book);
        vec![
            Self::new("tables, without dead letters", tables(mode), "", BOTH, "pipeline.tables"),
            Self::new("time between flushes", flush_interval_seconds(mode, book), "s", BOTH, "pipeline.flush.interval"),
            Self::new("memory of the function", book.walk.lambda_memory_gb.value * 1000.0, "MB", LAMBDA, "memory_mb"),
            Self::new("records an invocation", batch, "", LAMBDA, "event_source.batch_size"),
            Self::new("window of an invocation", mode.window_seconds, "s", LAMBDA, "event_source.window_seconds"),
            Self::new("provisioned pollers", mode.poller_units, "", LAMBDA, "event_source.pollers.minimum"),
            Self::new("time between drains", mode.drain_interval_seconds, "s", SCHEDULE, "expression"),
            Self::new("processor of a task", TASK_VCPU * 1024.0, "units", SERVICE, "cpu"),
            Self::new("memory of a task", TASK_GB * 1024.0, "MB", SERVICE, "memory_mb"),
            Self::new("tasks", tasks(load, book), "", SERVICE, "tasks.minimum"),
        ]
    }

    fn new(
        what: &'static str,
        value: f64,
        unit: &'static str,
        modules: &'static [&'static str],
        variable: &'static str,
    ) -> Self {
        Self { what, value, unit, modules, variable }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn the_modules_have_the_variables() {
        let load = Load { records_per_second: 100.0, record_bytes: 500.0 };
        let mode = Mode {
            batch_records: None,
            window_seconds: 5.0,
            drain_interval_seconds: 300.0,
            poller_units: 0.0,
            pipeline: None,
        };
        for input in Input::all(&load, &mode, &Book::own().unwrap()) {
            for module in input.modules {
                let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/terraform/modules").join(module);
                let files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
                let texts = files.filter(|file| file.extension().is_some_and(|extension| extension == "tf"));
                let text: String = texts.map(|file| fs::read_to_string(file).unwrap()).collect();
                let mut keys = input.variable.split('.');
                let variable = keys.next().unwrap();
                let declared = text.split_once(&format!("variable \"{variable}\" {{")).map(|(_, rest)| rest);
                let declared = declared.unwrap_or_else(|| panic!("{module} has no variable {variable}"));
                let body = declared.split("\n}\n").next().unwrap();
                // The keys of `flush` are a map's; modules/pipeline lists them.
                for key in keys.filter(|key| *key != "interval") {
                    assert!(body.contains(&format!("{key} ")), "{module}: {variable} has no {key}");
                }
            }
        }
    }
}
