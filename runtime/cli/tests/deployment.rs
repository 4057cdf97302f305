//! What a deployment asks of the command: a pipeline in the environment, an answer for health checks, what it will cost.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/guest.rs"]
mod guest;
#[path = "common/listening.rs"]
mod listening;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};

const VARIABLE: &str = "SLUICEBOX_PIPELINE";

fn sluicebox(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluicebox"));
    command.current_dir(folder).env_remove("SLUICEBOX_LOG").env_remove(VARIABLE).stdin(Stdio::null());
    command
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn pipeline(source: &str) -> Value {
    json!({
        "name": "deployed",
        "source": {"file": {"path": source}},
        "transform": {"wasm": guest::guest("sample-transforms/clean-orders")},
        "tables": {"orders": {"path": "tables/orders"}},
        "dead_letters": {"path": "tables/dead_letters"},
        "flush": {"interval": "30s"},
    })
}

#[test]
fn run_takes_its_pipeline_from_the_environment_unless_the_command_line_names_one() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("records"), "{\"value\": \"no order\"}\n").unwrap();
    let document = pipeline("records").to_string();
    fs::write(folder.path().join("other.yaml"), &document).unwrap();

    for value in [document.as_str(), "other.yaml"] {
        let checked = sluicebox(folder.path()).arg("check").env(VARIABLE, value).output().unwrap();
        assert!(checked.status.success(), "{}", stderr(&checked));
    }
    let ran = sluicebox(folder.path()).arg("run").env(VARIABLE, &document).output().unwrap();
    assert!(ran.status.success(), "{}", stderr(&ran));
    assert!(stderr(&ran).contains("1 dead letter: `sluicebox dlq ls $SLUICEBOX_PIPELINE`"), "{}", stderr(&ran));
    assert!(folder.path().join("tables/dead_letters").exists(), "relative paths begin at the working directory");

    let misspelt = document.replace("interval", "intervall");
    let refused = sluicebox(folder.path()).arg("run").env(VARIABLE, &misspelt).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("did you mean `interval`?"), "{}", stderr(&refused));
    assert!(stderr(&refused).contains("SLUICEBOX_PIPELINE:1:"), "{}", stderr(&refused));
    let named = sluicebox(folder.path()).args(["check", "other.yaml"]).env(VARIABLE, &misspelt).output().unwrap();
    assert!(named.status.success(), "{}", stderr(&named));
}

/// A pipeline that reads from its stdin, and so lives for as long as the test lets it; and where it answers.
fn living(folder: &Path) -> (Child, String) {
    let mut child = sluicebox(folder)
        .args(["run", "--listen", "127.0.0.1:0"])
        .env(VARIABLE, pipeline("-").to_string())
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let url = format!("http://{}", listening::address(&mut child));
    (child, url)
}

fn health(folder: &Path, arguments: &[&str]) -> Output {
    sluicebox(folder).arg("health").args(arguments).output().unwrap()
}

#[test]
fn health_is_what_the_process_answers() {
    let folder = tempfile::tempdir().unwrap();
    let (mut child, url) = living(folder.path());
    let asked = health(folder.path(), &["--url", &url]);
    assert_eq!((asked.status.code(), asked.stdout.as_slice()), (Some(0), &b"alive\n"[..]), "{}", stderr(&asked));
    // The pipeline's own setting says where, as it does for a container.
    let mut document = pipeline("-");
    document["http"] = json!({"listen": url.trim_start_matches("http://")});
    let asked = sluicebox(folder.path()).arg("health").env(VARIABLE, document.to_string()).output().unwrap();
    assert_eq!(asked.status.code(), Some(0), "{}", stderr(&asked));

    // Now it cannot answer any more, and that is another exit code than a negative answer.
    child.kill().unwrap();
    child.wait().unwrap();
    let asked = health(folder.path(), &["--url", &url]);
    assert_eq!(asked.status.code(), Some(3), "{}", stderr(&asked));
    assert!(stderr(&asked).contains("the process does not answer"), "{}", stderr(&asked));
}

#[test]
fn a_process_that_is_not_ready_is_a_negative_verdict_and_one_without_an_address_is_usage() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answered = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 1024];
        let length = stream.read(&mut request).unwrap();
        let body = "the store does not answer\n";
        write!(stream, "HTTP/1.1 503 Service Unavailable\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
        String::from_utf8_lossy(&request[..length]).into_owned()
    });
    let asked = sluicebox(folder.path()).args(["health", "--ready", "--url", &url]).output().unwrap();
    assert_eq!((asked.status.code(), asked.stdout.as_slice()), (Some(1), &b"the store does not answer\n"[..]));
    assert!(answered.join().unwrap().starts_with("GET /ready "));

    fs::write(folder.path().join("pipeline.yaml"), pipeline("-").to_string()).unwrap();
    let asked = sluicebox(folder.path()).arg("health").output().unwrap();
    assert_eq!(asked.status.code(), Some(2));
    assert!(stderr(&asked).contains("has no `http.listen`"), "{}", stderr(&asked));
}

fn cost(folder: &Path, arguments: &[&str]) -> Value {
    let load = ["--records-per-second", "500", "--bytes", "300", "--format", "json"];
    let output = sluicebox(folder).arg("cost").args(load).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Dollars an hour.
fn hour(cost: &Value, way: &str) -> f64 {
    let ways = cost["comparison"]["ways"].as_array().unwrap();
    ways.iter().find(|figures| figures["way"] == way).unwrap()["per_hour"].as_f64().unwrap()
}

#[test]
fn cost_reads_the_pipeline_and_names_the_variables_of_terraform() {
    let folder = tempfile::tempdir().unwrap();
    let mut document = pipeline("-");
    document["tables"] = json!({"orders": {"path": "a"}, "lines": {"path": "b"}, "refunds": {"path": "c"}});
    fs::write(folder.path().join("pipeline.yaml"), document.to_string()).unwrap();
    let (assumed, read) = (cost(folder.path(), &[]), cost(folder.path(), &["pipeline.yaml"]));
    // Twice the requests an event, and two thirds of them an hour for a task that flushes every 30 seconds.
    assert!(hour(&read, "lambda_events") > hour(&assumed, "lambda_events"));
    assert!(hour(&read, "fargate") < hour(&assumed, "fargate"));
    let inputs = read["inputs"].as_array().unwrap();
    let value = |variable: &str| inputs.iter().find(|input| input["variable"] == variable).unwrap()["value"].clone();
    assert_eq!((value("pipeline.tables"), value("pipeline.flush.interval")), (json!(3.0), json!(30.0)));
    assert_eq!((value("event_source.window_seconds"), value("event_source.batch_size")), (json!(5.0), json!(2500.0)));

    let missing =
        sluicebox(folder.path()).args(["cost", "none.yaml", "--records-per-second", "5", "--bytes", "3"]).output();
    assert_eq!(missing.unwrap().status.code(), Some(2));
}
