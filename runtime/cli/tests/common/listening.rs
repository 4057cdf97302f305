//! Where a process answers that was started with `--listen 127.0.0.1:0`.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::Child;

/// Reads the address from the child's log, and the rest of the log for as long as the child writes.
pub(crate) fn address(child: &mut Child) -> SocketAddr {
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let line = lines.find_map(|line| line.ok().filter(|line| line.contains("/live"))).unwrap();
    let begin = line.find("127.0.0.1:").unwrap();
    let address: String = line[begin..].chars().take_while(|c| c.is_ascii_digit() || ".:".contains(*c)).collect();
    // Or the child would end at its next line.
    std::thread::spawn(move || lines.for_each(drop));
    address.parse().unwrap()
}
