//! Bounds what clients of the HTTP listener can take from the process: a few connections, each for a short time. The rest of
//! the process's descriptors stay free for stores and brokers. Does not know what is answered.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::{debug, warn};

/// A probe, a scraper and a few people with a browser need about ten.
pub(super) const CONNECTIONS_MAX: usize = 64;
/// From the accepted connection to the end of its request's header.
const HEADER_DURATION_MAX: Duration = Duration::from_secs(5);
/// From the accepted connection to the last byte of the answer.
const CONNECTION_DURATION_MAX: Duration = Duration::from_secs(10);
/// After an accept that failed, most often for want of a descriptor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// As many as Linux allows by default (`net.core.somaxconn`). Where the queue is full, the kernel drops a probe's first
/// packet, and the probe tries again only after a second.
const QUEUE_MAX: u32 = 4096;

/// A connection this young is not closed to make room: its client may be about to send its request.
const GRACE_DURATION: Duration = Duration::from_millis(10);

struct Connection {
    since: Instant,
    task: JoinHandle<()>,
    /// The client has sent a whole request.
    is_answering: Arc<AtomicBool>,
}

/// Binds the address.
pub(super) fn listener(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Or a process that starts again would wait for its predecessor's last connections.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(QUEUE_MAX)
}

/// Answers for as long as the process lives.
pub(super) async fn serve(listener: TcpListener, routes: Router) {
    let mut open: VecDeque<Connection> = VecDeque::with_capacity(CONNECTIONS_MAX);
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                warn!(%error, "cannot accept an HTTP connection; trying again");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Or connections that have ended would cost a living one its place.
        open.retain(|connection| !connection.task.is_finished());
        if open.len() >= CONNECTIONS_MAX {
            close_one(&mut open).await;
        }
        open.push_back(Connection::start(stream, routes.clone()));
    }
}

/// Makes room. A refusal of the newest would let 64 half requests lock out the probe that comes after them; a probe sends its
/// whole request at once, so the connection that has waited longest for a request is the one to lose.
async fn close_one(open: &mut VecDeque<Connection>) {
    let waiting = open.iter().position(|connection| !connection.is_answering.load(Ordering::Relaxed));
    // Where all of them are answering, the oldest: they are in the order of arrival.
    let Some(connection) = open.remove(waiting.unwrap_or(0)) else { return };
    tokio::time::sleep_until(connection.since + GRACE_DURATION).await;
    connection.task.abort();
    // The descriptor is free only once the task has been dropped. That it was aborted is its only error.
    drop(connection.task.await);
}

impl Connection {
    fn start(stream: TcpStream, routes: Router) -> Connection {
        let is_answering = Arc::new(AtomicBool::new(false));
        let task = tokio::spawn(answer(stream, routes, Arc::clone(&is_answering)));
        Connection { since: Instant::now(), task, is_answering }
    }
}

/// One request, one answer: a kept connection would hold one of the few places without a question.
async fn answer(stream: TcpStream, routes: Router, is_answering: Arc<AtomicBool>) {
    let routes = TowerToHyperService::new(routes);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        is_answering.store(true, Ordering::Relaxed);
        routes.call(request)
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADER_DURATION_MAX).keep_alive(false);
    let connection = http.serve_connection(TokioIo::new(stream), service);
    match tokio::time::timeout(CONNECTION_DURATION_MAX, connection).await {
        Ok(Ok(())) => {}
        // At debug: a client that breaks its request off must not be able to fill the log.
        Ok(Err(error)) => debug!(%error, "an HTTP connection ended early"),
        Err(_) => debug!(limit = ?CONNECTION_DURATION_MAX, "closed an HTTP connection that took too long"),
    }
}
