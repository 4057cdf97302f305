//! The log: one JSON object per line on stderr, which Lambda collects. An environment serves one invocation at a time, so all
//! lines of all threads carry the id of the current request.

use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tracing_subscriber::EnvFilter;

/// The id of the current request.
static REQUEST: Mutex<String> = Mutex::new(String::new());

/// Libraries that would log whole events or requests at finer levels.
const QUIET: [&str; 4] = ["lambda_runtime=info", "lambda_runtime_api_client=info", "hyper=info", "hyper_util=info"];

/// Starts logging, with the usual levels unless `SLUICEBOX_LOG` sets others.
pub(crate) fn start() {
    // delta-rs warns about each binary column, because it keeps no statistics of them.
    let usual = "warn,deltalake_core::writer::stats=error,bootstrap=info,sluicebox=info,sluicebox_pipeline=info,\
                 sluicebox_registry=info,sluicebox_sandbox=info";
    let mut filter = EnvFilter::try_from_env("SLUICEBOX_LOG").unwrap_or_else(|_| EnvFilter::new(usual));
    for directive in QUIET.iter().filter_map(|directive| directive.parse().ok()) {
        filter = filter.add_directive(directive);
    }
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_writer(|| LogLines(io::stderr()))
        .init();
}

/// Sets the current request.
pub(crate) fn begin(request_id: &str) {
    *request() = request_id.to_owned();
}

fn request() -> MutexGuard<'static, String> {
    REQUEST.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Puts the request's id into each line. The subscriber writes one line at a time.
struct LogLines<W>(W);

impl<W: Write> Write for LogLines<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // A copy, so that the lock is not held while stderr blocks.
        let request = request().clone();
        // Lambda gives an id with the first request. Before it, and where a line is not an object, the line stays as it is.
        let Some(rest) = line.strip_prefix(b"{").filter(|_| !request.is_empty()) else {
            self.0.write_all(line)?;
            return Ok(line.len());
        };
        let id = serde_json::to_string(&request).unwrap_or_default();
        self.0.write_all(&[b"{\"requestId\":", id.as_bytes(), b",", rest].concat())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_carries_its_request() {
        begin("8476a536-e9f4-11e8-9739-2dfe598c3fcd");
        let mut lines = LogLines(Vec::new());
        assert!(lines.write_all(b"{\"message\":\"flushed\"}\n").is_ok());
        let line: serde_json::Value = serde_json::from_slice(&lines.0).unwrap_or_default();
        assert_eq!(line["requestId"], "8476a536-e9f4-11e8-9739-2dfe598c3fcd");
        assert_eq!(line["message"], "flushed");
    }
}
