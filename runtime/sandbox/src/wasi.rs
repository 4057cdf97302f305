//! A world that never changes, for components that bring WASI 0.2 because their language's runtime asks for it.
//!
//! - No files, no network, no arguments, an empty environment.
//! - The wall clock stands still. At the batch's own time it would differ between a batch and its halves, and verdicts
//!   with it.
//! - The monotonic clock advances a little with each look, so that a guest that polls it does not wait for ever.
//! - Sleeping takes no time; random bytes are the same in each instance; stdout and stderr become log lines.
//!
//! `docs/adr/0003-interruption.md` says why verdicts must be repeatable.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};
use wasmtime::component::{HasData, Linker, Resource, ResourceTable};
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock;
use wasmtime_wasi::p2::{DynPollable, OutputStream, Pollable, StreamResult, subscribe};
use wasmtime_wasi::{Deterministic, HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxView, WasiView, async_trait};

use crate::instance::State;

/// The time that never passes: 2000-01-01T00:00:00Z, in seconds since 1970.
const WALL_CLOCK_SECONDS: u64 = 946_684_800;

/// The monotonic clock advances so much with each look, in nanoseconds.
const LOOK_NANOSECONDS: u64 = 1_000;

/// Bytes that a guest may leave on stdout and stderr between two looks of the host; the rest is dropped.
const OUTPUT_BYTES_MAX: usize = 64 << 10;

/// Random bytes of one call.
const RANDOM_CALL_BYTES_MAX: u64 = 64 << 10;

/// Handles that a guest may hold at the same time: the host keeps something for each.
const HANDLES_MAX: usize = 10_000;

/// Random bytes before they repeat.
const RANDOM_BYTES: usize = 4096;

/// One instance's WASI.
pub(crate) struct Wasi {
    ctx: WasiCtx,
    table: ResourceTable,
    clock: Clock,
    output: Output,
    printed: String,
}

impl Wasi {
    pub(crate) fn new() -> Self {
        let (clock, output) = (Clock::default(), Output::default());
        let mut builder = WasiCtx::builder();
        builder
            .wall_clock(StillClock)
            .monotonic_clock(clock.clone())
            .secure_random(Deterministic::new(random_bytes("secure")))
            .insecure_random(Deterministic::new(random_bytes("insecure")))
            // All randomness is fixed: a replay has to give the same verdict.
            .insecure_random_seed(0)
            .max_random_size(RANDOM_CALL_BYTES_MAX)
            .stdout(output.clone())
            .stderr(output.clone())
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .socket_addr_check(|_, _| Box::pin(std::future::ready(false)));
        let mut table = ResourceTable::new();
        table.set_max_capacity(HANDLES_MAX);
        Wasi { ctx: builder.build(), table, clock, output, printed: String::new() }
    }

    /// Looks at what the guest wrote to stdout and stderr since the last look.
    pub(crate) fn look(&mut self) {
        let bytes = std::mem::take(&mut *self.output.0.lock().unwrap_or_else(PoisonError::into_inner));
        self.printed = String::from_utf8_lossy(&bytes).into_owned();
    }

    /// What was seen at the last look.
    pub(crate) fn printed(&self) -> &str {
        &self.printed
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let Wasi { ctx, table, .. } = self.wasi();
        WasiCtxView { ctx, table }
    }
}

/// Lets components import `wasi:*@0.2`.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_sync(linker)?;
    // wasmtime's own would have the host sleep in earnest, where no epoch reaches it.
    linker.allow_shadowing(true);
    monotonic_clock::add_to_linker::<State, VirtualClock>(linker, |state| {
        let Wasi { table, clock, .. } = state.wasi();
        ClockView { clock, table }
    })?;
    linker.allow_shadowing(false);
    Ok(())
}

struct StillClock;

impl HostWallClock for StillClock {
    fn resolution(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn now(&self) -> Duration {
        Duration::from_secs(WALL_CLOCK_SECONDS)
    }
}

/// Nanoseconds since the instance began.
#[derive(Clone, Default)]
struct Clock(Arc<AtomicU64>);

impl HostMonotonicClock for Clock {
    fn resolution(&self) -> u64 {
        LOOK_NANOSECONDS
    }

    fn now(&self) -> u64 {
        self.0.fetch_add(LOOK_NANOSECONDS, Ordering::Relaxed)
    }
}

struct VirtualClock;

impl HasData for VirtualClock {
    type Data<'a> = ClockView<'a>;
}

struct ClockView<'a> {
    clock: &'a Clock,
    table: &'a mut ResourceTable,
}

impl monotonic_clock::Host for ClockView<'_> {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.clock.now())
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(self.clock.resolution())
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        // The wait is over at once: the clock jumps to its end. It never goes backwards.
        self.clock.0.fetch_max(when, Ordering::Relaxed);
        let ready = self.table.push(Ready)?;
        subscribe(self.table, ready)
    }

    fn subscribe_duration(&mut self, duration: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let now = self.clock.now();
        self.subscribe_instant(now.saturating_add(duration))
    }
}

/// A wait that is over.
struct Ready;

#[async_trait]
impl Pollable for Ready {
    async fn ready(&mut self) {}
}

/// stdout and stderr, in the order written.
#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl wasmtime_wasi::cli::IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl wasmtime_wasi::cli::StdoutStream for Output {
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        // Only WASI 0.3 asks for this one, which is not linked.
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {}
}

#[async_trait]
impl OutputStream for Output {
    fn write(&mut self, bytes: bytes::Bytes) -> StreamResult<()> {
        let mut output = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // What exceeds the room is dropped, and reported as written: an error would change what the guest does.
        let room = OUTPUT_BYTES_MAX.saturating_sub(output.len()).min(bytes.len());
        output.extend_from_slice(&bytes[..room]);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(OUTPUT_BYTES_MAX)
    }
}

/// Bytes without pattern, the same on every machine.
fn random_bytes(purpose: &str) -> Vec<u8> {
    (0..RANDOM_BYTES / 32)
        .flat_map(|index: usize| Sha256::digest(format!("sluicebox {purpose} random {index}")))
        .collect()
}
