//! The way between a client and an S3 store, with faults on it: refusals, resets, responses that are lost after the store
//! has done what it was asked, requests that arrive late, answers that drip or break off.
//!
//! Works on whole HTTP/1.1 exchanges, one a connection, byte for byte as the client sent them, so that signatures hold.
//! Knows of Delta only what a commit looks like: a PUT of `…/_delta_log/<version>.json`.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

mod commits;
mod exchange;
mod faults;

pub use commits::Commit;
use commits::commit;
use exchange::{Kind, Request, cut_off, forward};
use faults::Fault;
pub use faults::{Counts, Faults};

/// A refusal as S3 words it.
const UNAVAILABLE: &[u8] =
    b"HTTP/1.1 503 Slow Down\r\nconnection: close\r\ncontent-type: application/xml\r\ncontent-length: 69\r\n\r\n\
<Error><Code>SlowDown</Code><Message>injected fault</Message></Error>";

/// A proxy of one store. Dropped, it is gone with all its connections.
pub struct FaultProxy {
    address: SocketAddr,
    state: Arc<State>,
    _runtime: Runtime,
}

struct State {
    store: String,
    dice: Mutex<Dice>,
    commits: Mutex<Vec<Commit>>,
}

struct Dice {
    random: fastrand::Rng,
    faults: Faults,
    counts: Counts,
}

impl FaultProxy {
    /// Stands before the store at `store`, with no faults yet.
    pub fn start(store: &str, seed: u64) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        let dice = Dice { random: fastrand::Rng::with_seed(seed), faults: Faults::NONE, counts: Counts::default() };
        let state = Arc::new(State { store: store.to_owned(), dice: Mutex::new(dice), commits: Mutex::default() });
        runtime.spawn(accept(listener, state.clone()));
        Ok(Self { address, state, _runtime: runtime })
    }

    /// Host and port.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// From now on faults come with these probabilities.
    pub fn set(&self, faults: Faults) {
        lock(&self.state.dice).faults = faults;
    }

    /// What has been done so far.
    pub fn counts(&self) -> Counts {
        lock(&self.state.dice).counts.clone()
    }

    /// The commits that the store has accepted, beginning with number `from`.
    pub fn commits(&self, from: usize) -> Vec<Commit> {
        lock(&self.state.commits).get(from..).unwrap_or_default().to_vec()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    while let Ok((client, _)) = listener.accept().await {
        let state = state.clone();
        tokio::spawn(async move {
            // A client that is gone, because it was killed, is no trouble of ours.
            let _gone = serve(client, &state).await;
        });
    }
}

async fn serve(mut client: TcpStream, state: &State) -> Result<()> {
    let Some(request) = Request::read(&mut client).await? else {
        return Ok(());
    };
    let (fault, pause) = state.roll(&request);
    match fault {
        Some(Fault::Unavailable) => return exchange::answer(&mut client, UNAVAILABLE).await,
        Some(Fault::Reset) => return cut_off(&client),
        // The request goes on even if its sender is killed meanwhile, or gives up.
        Some(Fault::Late) => tokio::time::sleep(pause).await,
        _ => {}
    }
    let response = forward(&state.store, &request).await?;
    state.note(&request, &response, fault);
    match fault {
        Some(Fault::LostResponse) => cut_off(&client),
        Some(Fault::Slow) => {
            tokio::time::sleep(pause).await;
            exchange::answer(&mut client, &response).await
        }
        Some(Fault::SlowClose) => {
            let (first, rest) = response.split_at(response.len() / 2);
            exchange::write(&mut client, first).await?;
            tokio::time::sleep(pause).await;
            exchange::answer(&mut client, rest).await
        }
        Some(Fault::BrokenOff) => {
            exchange::write(&mut client, &response[..response.len() / 2]).await?;
            cut_off(&client)
        }
        _ => exchange::answer(&mut client, &response).await,
    }
}

impl State {
    fn roll(&self, request: &Request) -> (Option<Fault>, Duration) {
        let dice = &mut *lock(&self.dice);
        let fault = dice.faults.roll(&mut dice.random, request.is_commit());
        dice.counts.requests += 1;
        match request.kind() {
            Kind::List => {
                dice.counts.lists += 1;
                dice.counts.puts += 1;
            }
            Kind::Put => dice.counts.puts += 1,
            Kind::Get => dice.counts.gets += 1,
            Kind::Delete => {}
        }
        if let Some(fault) = fault {
            dice.counts.add(fault);
        }
        (fault, dice.faults.pause_max.mul_f64(dice.random.f64()))
    }

    fn note(&self, request: &Request, response: &[u8], fault: Option<Fault>) {
        if !request.is_commit() {
            return;
        }
        let accepted = response.starts_with(b"HTTP/1.1 200");
        let unheard = matches!(fault, Some(Fault::LostResponse | Fault::BrokenOff));
        let counts = &mut lock(&self.dice).counts;
        match (accepted, unheard) {
            (true, true) => counts.lost_commit_responses += 1,
            (false, _) => counts.refused_commits += 1,
            (true, false) => {}
        }
        counts.commits += u64::from(accepted);
        if accepted {
            lock(&self.commits).push(commit(&request.path, request.body()));
        }
    }
}
