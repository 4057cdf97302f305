//! Free ports on the loopback interface, for the servers that the tests start.

use std::io;
use std::net::TcpListener;

/// Ports that no process listens on. All are held while they are chosen, so that they differ.
pub fn free(count: usize) -> io::Result<Vec<u16>> {
    let held = (0..count).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<io::Result<Vec<_>>>()?;
    held.iter().map(|listener| Ok(listener.local_addr()?.port())).collect()
}
