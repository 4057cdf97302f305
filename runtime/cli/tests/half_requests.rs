//! Clients that open connections and never finish a request: the pipeline goes on, and a probe gets its answer.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/guest.rs"]
mod guest;
#[path = "common/listening.rs"]
mod listening;

use std::collections::VecDeque;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

const HALF_REQUESTS: usize = 10_000;
const ATTACKERS: usize = 4;
/// What each attacker holds open; together more than the descriptors that the process has.
const HELD: usize = 400;

/// A pipeline with 1,024 descriptors that reads from its stdin and commits five times a second.
fn pipeline(folder: &Path) -> (Child, SocketAddr) {
    let document = json!({
        "name": "besieged",
        "source": {"file": {"path": "-", "format": "lines"}},
        "transform": {"wasm": guest::guest("sample-transforms/clean-orders")},
        "tables": {"orders": {"path": "tables/orders"}},
        "dead_letters": {"path": "tables/dead_letters"},
        "flush": {"interval": "200ms"},
        "breaker": "off",
    });
    let mut child = Command::new("sh")
        // `exec`: the child is the command itself, not a shell that waits for it.
        .args(["-c", r#"ulimit -n 1024 && exec "$0" run --listen 127.0.0.1:0"#, env!("CARGO_BIN_EXE_sluicebox")])
        .current_dir(folder)
        .env("SLUICEBOX_PIPELINE", document.to_string())
        .env_remove("SLUICEBOX_LOG")
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let address = listening::address(&mut child);
    (child, address)
}

fn attack(address: SocketAddr) {
    let mut held = VecDeque::new();
    for _ in 0..HALF_REQUESTS / ATTACKERS {
        let mut stream = TcpStream::connect(address).unwrap();
        // The process may have closed it already; that is its right.
        drop(stream.write_all(b"GET /ready HTTP/1.1\r\nHost: x\r\n"));
        held.push_back(stream);
        if held.len() > HELD {
            held.pop_front();
        }
    }
    // Held beyond the last, so that the process has to get rid of them by itself.
    std::thread::sleep(Duration::from_secs(3));
}

fn probe(address: SocketAddr) -> (Duration, String) {
    let asked = Instant::now();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /ready HTTP/1.1\r\nHost: probe\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    (asked.elapsed(), answer)
}

fn commits(folder: &Path) -> usize {
    fs::read_dir(folder.join("tables/dead_letters/_delta_log")).map_or(0, Iterator::count)
}

#[test]
fn ten_thousand_half_requests_stop_neither_commits_nor_probes() {
    let folder = tempfile::tempdir().unwrap();
    let (mut child, address) = pipeline(folder.path());
    let mut records = child.stdin.take().unwrap();
    let before = commits(folder.path());
    let is_over = AtomicBool::new(false);
    let (slowest, probes) = std::thread::scope(|scope| {
        let attackers: Vec<_> = (0..ATTACKERS).map(|_| scope.spawn(|| attack(address))).collect();
        let prober = scope.spawn(|| {
            let (mut slowest, mut probes) = (Duration::ZERO, 0);
            while !is_over.load(Ordering::Relaxed) {
                let (taken, answer) = probe(address);
                // Ready or not: that there is an answer is what counts.
                assert!(answer.starts_with("HTTP/1.1 "), "a probe got no answer: {answer:?}");
                slowest = slowest.max(taken);
                probes += 1;
                std::thread::sleep(Duration::from_millis(20));
            }
            (slowest, probes)
        });
        // Records come for as long as the attack lasts, so that there is always something to commit.
        while attackers.iter().any(|attacker| !attacker.is_finished()) {
            records.write_all(b"no order\n").unwrap();
            std::thread::sleep(Duration::from_millis(50));
        }
        is_over.store(true, Ordering::Relaxed);
        prober.join().unwrap()
    });
    let committed = commits(folder.path()) - before;
    println!("{probes} probes, the slowest took {slowest:?}; {committed} commits during the attack");
    drop(records);
    assert!(child.wait().unwrap().success());
    assert!(slowest < Duration::from_secs(1), "the slowest of {probes} probes took {slowest:?}");
    assert!(committed >= 3, "{committed} commits during the attack");
}
