//! The Lambda Runtime API, version 2018-06-01, for any number of environments: each finds it under a prefix of its own.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{Response, StatusCode};
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};

/// What a process has said of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// The function's answer.
    Answer(Bytes),
    /// A function error: its JSON.
    Error(Bytes),
}

/// The server. Dropped, it is gone with all its connections.
pub struct RuntimeApi {
    address: SocketAddr,
    desks: Arc<Desks>,
    _runtime: Runtime,
}

/// Where environments ask, by number.
#[derive(Default)]
struct Desks(Mutex<HashMap<usize, Arc<Desk>>>);

/// Where one environment asks.
pub(super) struct Desk {
    events: mpsc::UnboundedSender<Event>,
    waiting: tokio::sync::Mutex<mpsc::UnboundedReceiver<Event>>,
    state: Mutex<DeskState>,
}

#[derive(Default)]
struct DeskState {
    /// How often the process has asked for an event.
    asked: usize,
    init_error: Option<Bytes>,
    answers: HashMap<String, oneshot::Sender<Said>>,
}

/// An event on its way.
struct Event {
    id: String,
    deadline: SystemTime,
    body: Bytes,
}

impl RuntimeApi {
    /// Listens on a free port.
    pub fn start() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        let desks = Arc::new(Desks::default());
        let router = Router::new()
            .route("/{desk}/2018-06-01/runtime/invocation/next", get(next))
            .route("/{desk}/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/{desk}/2018-06-01/runtime/invocation/{id}/error", post(error))
            .route("/{desk}/2018-06-01/runtime/init/error", post(init_error))
            .layer(DefaultBodyLimit::disable())
            .with_state(desks.clone());
        runtime.spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, desks, _runtime: runtime })
    }

    /// Opens a desk, and says what its process has to have as `AWS_LAMBDA_RUNTIME_API`.
    pub(super) fn open(&self) -> (String, Arc<Desk>) {
        let (events, waiting) = mpsc::unbounded_channel();
        let desk = Arc::new(Desk { events, waiting: waiting.into(), state: Mutex::default() });
        let mut desks = lock(&self.desks.0);
        let number = desks.len();
        desks.insert(number, desk.clone());
        (format!("http://{}/{number}", self.address), desk)
    }
}

impl Desk {
    /// Lays out an event; the answer comes through the channel.
    pub(super) fn lay_out(&self, id: &str, deadline: SystemTime, body: Bytes) -> Result<oneshot::Receiver<Said>> {
        let (answer, answered) = oneshot::channel();
        lock(&self.state).answers.insert(id.to_owned(), answer);
        self.events.send(Event { id: id.to_owned(), deadline, body }).ok().context("the desk is closed")?;
        Ok(answered)
    }

    /// How often the process has asked for an event: once, and it is ready.
    pub(super) fn asked(&self) -> usize {
        lock(&self.state).asked
    }

    /// What the process said when it could not start.
    pub(super) fn init_error(&self) -> Option<String> {
        lock(&self.state).init_error.as_ref().map(|error| String::from_utf8_lossy(error).into_owned())
    }

    fn answered(&self, id: &str, said: Said) -> StatusCode {
        match lock(&self.state).answers.remove(id).map(|answer| answer.send(said)) {
            Some(Ok(())) => StatusCode::ACCEPTED,
            // Too late, or of no event that there is.
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

impl Desks {
    fn get(&self, number: usize) -> Result<Arc<Desk>, StatusCode> {
        lock(&self.0).get(&number).cloned().ok_or(StatusCode::NOT_FOUND)
    }
}

async fn next(State(desks): State<Arc<Desks>>, Path(desk): Path<usize>) -> Result<Response<Body>, StatusCode> {
    let desk = desks.get(desk)?;
    lock(&desk.state).asked += 1;
    let event = desk.waiting.lock().await.recv().await.ok_or(StatusCode::GONE)?;
    let deadline = event.deadline.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_millis();
    Response::builder()
        .header("content-type", "application/json")
        .header("lambda-runtime-aws-request-id", event.id)
        .header("lambda-runtime-deadline-ms", deadline.to_string())
        .header("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:123456789012:function:sluicebox")
        .header("lambda-runtime-trace-id", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0")
        .body(Body::from(event.body))
        .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}

async fn response(
    State(desks): State<Arc<Desks>>,
    Path((desk, id)): Path<(usize, String)>,
    body: Bytes,
) -> Result<StatusCode, StatusCode> {
    Ok(desks.get(desk)?.answered(&id, Said::Answer(body)))
}

async fn error(
    State(desks): State<Arc<Desks>>,
    Path((desk, id)): Path<(usize, String)>,
    body: Bytes,
) -> Result<StatusCode, StatusCode> {
    Ok(desks.get(desk)?.answered(&id, Said::Error(body)))
}

async fn init_error(
    State(desks): State<Arc<Desks>>,
    Path(desk): Path<usize>,
    body: Bytes,
) -> Result<StatusCode, StatusCode> {
    lock(&desks.get(desk)?.state).init_error = Some(body);
    Ok(StatusCode::ACCEPTED)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
