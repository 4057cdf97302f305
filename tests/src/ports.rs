//! Free ports on the loopback interface, for the servers that the tests start.

use std::collections::BTreeSet;
use std::io;
use std::net::TcpListener;
use std::sync::{Mutex, PoisonError};

/// The range that Linux takes outgoing connections' ports from, unless it has been set otherwise.
const OUTGOING_FIRST: u16 = 32_768;
/// Well-known services listen below this.
const FIRST: u16 = 12_000;
const ATTEMPTS_MAX: usize = 1_000;

/// Ports that no process listens on, and that no outgoing connection takes in the moment before the server binds them:
/// they lie below the kernel's range for those. No port is given twice within a process, so that a server which a test
/// kills may come back to its own.
pub fn free(count: usize) -> io::Result<Vec<u16>> {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    let range = FIRST..outgoing_first();
    let mut ports = Vec::with_capacity(count);
    for _ in 0..ATTEMPTS_MAX {
        if ports.len() == count {
            return Ok(ports);
        }
        // At random: test binaries that run side by side must not walk through the same ports in the same order.
        let port = fastrand::u16(range.clone());
        if given.insert(port) && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            ports.push(port);
        }
    }
    Err(io::Error::new(io::ErrorKind::AddrInUse, format!("found no {count} free ports in {range:?}")))
}

fn outgoing_first() -> u16 {
    let said = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok();
    let first = said.and_then(|text| text.split_whitespace().next()?.parse().ok());
    // A machine whose range starts low leaves no room below it; the usual bound is as good as any there.
    first.filter(|first| *first > FIRST + 1_000).unwrap_or(OUTGOING_FIRST)
}
