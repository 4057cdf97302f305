//! What a running pipeline answers over HTTP, asked as plainly as can be.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result};

const ANSWER_DURATION_MAX: Duration = Duration::from_secs(5);

/// An address of this machine that no process listens on.
pub fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// The status code and the body of what is at `path`.
pub fn get(address: SocketAddr, path: &str) -> Result<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&address, ANSWER_DURATION_MAX)?;
    stream.set_read_timeout(Some(ANSWER_DURATION_MAX))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no HTTP")?;
    let code = head.split_whitespace().nth(1).context("no status code")?;
    Ok((code.parse()?, body.to_owned()))
}
