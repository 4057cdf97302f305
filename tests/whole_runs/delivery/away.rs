//! Brokers that never answer: one sentence that names them, in the log and at `/ready`; a stop that waits for nothing; a drain
//! that gives up. Neither needs Kafka.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::json;
use sluicebox_tests::http::free_address;
use sluicebox_tests::pipeline::Pipeline;

use crate::orders;
use crate::ready::await_ready;

fn pipeline(name: &str, brokers: &str) -> Result<Pipeline> {
    orders::pipeline(name, json!({"kafka": {"brokers": brokers, "topics": ["orders"]}}))
}

fn sentences(pipeline: &Pipeline, brokers: &str) -> Result<usize> {
    Ok(pipeline.log()?.lines().filter(|line| line.contains(&format!("no broker answers at {brokers}"))).count())
}

/// What a service does whose brokers are at `brokers`.
fn ensure_said_once_and_stopped_at_once(name: &str, brokers: &str) -> Result<()> {
    let mut pipeline = pipeline(name, brokers)?;
    let address = free_address()?;
    pipeline.settings["http"] = json!({"listen": address.to_string()});
    let started = Instant::now();
    let mut run = pipeline.start(&[])?;
    while sentences(&pipeline, brokers)? == 0 {
        ensure!(started.elapsed() < Duration::from_secs(15), "the worker does not name the brokers:\n{}", run.said());
        std::thread::sleep(Duration::from_millis(50));
    }
    let ready = await_ready(&mut run, address, 503)?;
    ensure!(ready.contains(&format!("no broker answers at {brokers}")), "{ready}");
    std::thread::sleep(Duration::from_secs(10));
    let lines = pipeline.log()?.lines().count();
    ensure!(lines < 40, "{lines} lines in ten seconds:\n{}", run.said());
    assert_eq!(sentences(&pipeline, brokers)?, 1, "said more than once in ten seconds:\n{}", run.said());

    let told = Instant::now();
    run.terminate()?;
    let status = run.wait(Duration::from_secs(20))?;
    ensure!(status.success(), "it ended with {status}:\n{}", run.said());
    ensure!(told.elapsed() < Duration::from_secs(4), "the stop took {:?}:\n{}", told.elapsed(), run.said());
    Ok(())
}

#[test]
fn brokers_that_refuse_connections_are_named_once() -> Result<()> {
    ensure_said_once_and_stopped_at_once("refused", &free_address()?.to_string())
}

#[test]
fn brokers_that_accept_and_say_nothing_are_named_once() -> Result<()> {
    // The kernel completes the connections; nothing ever reads them.
    let silent = TcpListener::bind("127.0.0.1:0")?;
    ensure_said_once_and_stopped_at_once("silent", &silent.local_addr()?.to_string())
}

#[test]
fn a_drain_gives_up_on_brokers_that_are_away() -> Result<()> {
    let brokers = free_address()?.to_string();
    let pipeline = pipeline("undrainable", &brokers)?;
    let mut run = pipeline.start(&["--drain"])?;
    assert_eq!(run.wait(Duration::from_secs(100))?.code(), Some(3), "{}", run.said());
    ensure!(run.said().contains("the drain gives up after 60 s"), "{}", run.said());
    ensure!(sentences(&pipeline, &brokers)? <= 4, "{}", run.said());
    Ok(())
}
