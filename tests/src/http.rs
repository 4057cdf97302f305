//! What a running pipeline answers over HTTP, asked as plainly as can be.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::ports;

const ANSWER_DURATION_MAX: Duration = Duration::from_secs(5);

/// An address of this machine that no process listens on.
pub fn free_address() -> Result<SocketAddr> {
    let port = ports::free(1)?.into_iter().next().context("no port")?;
    Ok((Ipv4Addr::LOCALHOST, port).into())
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
