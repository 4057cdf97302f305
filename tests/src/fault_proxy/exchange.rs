//! One HTTP/1.1 request and its response, as bytes. Each connection carries one exchange: the store is asked to close, and
//! what it sends until then is the response.

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const HEAD_END: &[u8] = b"\r\n\r\n";

/// What a store charges a request as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Put,
    Get,
    List,
    Delete,
}

/// A request, complete with its body.
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    bytes: Vec<u8>,
    head_length: usize,
}

impl Request {
    /// None if the client leaves without a word.
    pub(super) async fn read(client: &mut TcpStream) -> Result<Option<Self>> {
        let mut bytes = Vec::new();
        let head_length = loop {
            if let Some(end) = bytes.windows(HEAD_END.len()).position(|window| window == HEAD_END) {
                break end + HEAD_END.len();
            }
            if client.read_buf(&mut bytes).await? == 0 {
                return Ok(None);
            }
        };
        let head = String::from_utf8(bytes[..head_length].to_vec())?;
        let mut words = head.split_whitespace();
        let method = words.next().context("a request without a method")?.to_owned();
        let path = words.next().context("a request without a path")?.to_owned();
        ensure!(header(&head, "transfer-encoding").is_none(), "a body without a length");
        let length: usize = header(&head, "content-length").map_or(Ok(0), str::parse)?;
        while bytes.len() < head_length + length {
            ensure!(client.read_buf(&mut bytes).await? > 0, "the client left in the middle of a body");
        }
        Ok(Some(Self { method, path, bytes, head_length }))
    }

    pub(super) fn body(&self) -> &[u8] {
        &self.bytes[self.head_length..]
    }

    pub(super) fn kind(&self) -> Kind {
        match self.method.as_str() {
            "GET" if self.path.contains("list-type=2") => Kind::List,
            "GET" | "HEAD" => Kind::Get,
            "DELETE" => Kind::Delete,
            "POST" if self.path.contains("?delete") => Kind::Delete,
            _ => Kind::Put,
        }
    }

    /// A PUT of `…/_delta_log/<version>.json`.
    pub(super) fn is_commit(&self) -> bool {
        self.method == "PUT" && self.path.contains("/_delta_log/") && self.path.ends_with(".json")
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let headers = head.lines().filter_map(|line| line.split_once(':'));
    headers.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

/// Asks the store, and returns all that it answers.
pub(super) async fn forward(store: &str, request: &Request) -> Result<Vec<u8>> {
    let mut connection = TcpStream::connect(store).await?;
    // Not among the headers that a signature covers.
    let first_line_end = request.bytes.iter().position(|&byte| byte == b'\n').context("a request of no line")? + 1;
    let (first_line, rest) = request.bytes.split_at(first_line_end);
    for part in [first_line, b"connection: close\r\n", rest] {
        connection.write_all(part).await?;
    }
    let mut response = Vec::new();
    connection.read_to_end(&mut response).await?;
    Ok(response)
}

/// Sends the last of a response.
pub(super) async fn answer(client: &mut TcpStream, bytes: &[u8]) -> Result<()> {
    write(client, bytes).await?;
    Ok(client.shutdown().await?)
}

pub(super) async fn write(client: &mut TcpStream, bytes: &[u8]) -> Result<()> {
    Ok(client.write_all(bytes).await?)
}

/// The client sees "connection reset by peer".
pub(super) fn cut_off(client: &TcpStream) -> Result<()> {
    Ok(client.set_zero_linger()?)
}
