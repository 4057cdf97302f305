//! The two ways to run wasm, and the clock that interrupts the one.
//!
//! The *quick* engine interrupts by epochs: a ticker counts up, compiled loops look at the count. It says only that a call
//! takes long. The *exact* engine counts fuel, which is the same on every machine, and therefore decides
//! (`docs/adr/0003-interruption.md`); its clock looks only for what fuel does not bound. Nothing here knows what is run.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use wasmtime::{Config, Engine, InstanceAllocationStrategy, ModuleVersionStrategy, PoolingAllocationConfig};

use crate::error::EngineError;
use crate::forms::CODE_VERSION;
use crate::log_allowance::LogAllowance;

/// How long an epoch lasts: the grain of `call_duration_max`.
pub(crate) const EPOCH: Duration = Duration::from_millis(10);

/// Instances alive at once in one engine; each worker has one.
const INSTANCES_MAX: u32 = 64;

/// What an idle slot of the pool keeps of its memory: the working set of a transform in Rust.
const KEEP_RESIDENT_BYTES: usize = 8 << 20;

/// Frames in a guest's backtrace.
const BACKTRACE_FRAMES_MAX: usize = 24;

/// What interrupts a call; it is compiled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Metering {
    /// A clock: quick, and no proof of anything.
    Epochs,
    /// A count that is the same on every machine.
    Fuel,
}

impl Metering {
    /// Both of them.
    pub const ALL: [Metering; 2] = [Metering::Epochs, Metering::Fuel];

    /// `epochs` or `fuel`.
    pub fn name(self) -> &'static str {
        match self {
            Metering::Epochs => "epochs",
            Metering::Fuel => "fuel",
        }
    }
}

impl fmt::Display for Metering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The engines for one stack size, which is an engine's own; the code is the same for all.
pub(crate) struct Engines {
    /// Interrupts by epochs.
    pub(crate) quick: Engine,
    exact: OnceLock<Result<Engine, EngineError>>,
    stack_bytes: usize,
}

impl Engines {
    fn new(stack_bytes: usize) -> Result<Engines, EngineError> {
        let quick = engine(Metering::Epochs, stack_bytes)?;
        Ok(Engines { quick, exact: OnceLock::new(), stack_bytes })
    }

    /// Counts fuel. Made when the first suspect needs it: most processes never do.
    pub(crate) fn exact(&self) -> Result<&Engine, String> {
        // A failure is kept as well: the same settings would fail again.
        let engine = self.exact.get_or_init(|| engine(Metering::Fuel, self.stack_bytes));
        engine.as_ref().map_err(|error| error.0.clone())
    }
}

/// The engines made so far, by stack size; and what all of their instances together may log.
#[derive(Default)]
pub(crate) struct EngineRoom {
    engines: Mutex<HashMap<u64, Arc<Engines>>>,
    pub(crate) log_allowance: Arc<LogAllowance>,
}

impl EngineRoom {
    /// The engines whose stack has this size.
    pub(crate) fn engines(&self, stack_bytes: u64) -> Result<Arc<Engines>, EngineError> {
        // Held while the engines are made: two threads would otherwise make two pools of address space for one size. A
        // poisoned map is whole: entries are only ever added.
        let mut room = self.engines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(engines) = room.get(&stack_bytes) {
            return Ok(Arc::clone(engines));
        }
        let stack = usize::try_from(stack_bytes).map_err(|error| EngineError(error.to_string()))?;
        let engines = Arc::new(Engines::new(stack)?);
        room.insert(stack_bytes, Arc::clone(&engines));
        Ok(engines)
    }
}

/// What is compiled in, and so has to be the same where code is compiled and where it is run. What changes here is a new
/// [`CODE_VERSION`].
pub(crate) fn code_config(metering: Metering) -> Result<Config, EngineError> {
    let mut config = Config::new();
    match metering {
        Metering::Epochs => config.epoch_interruption(true),
        // The clock ends what the fuel does not bound: see `meter`.
        Metering::Fuel => config.consume_fuel(true).epoch_interruption(true),
    };
    config
        // Function names suffice; sluicebox keeps no debug sections.
        .wasm_backtrace_details(wasmtime::WasmBacktraceDetails::Disable)
        .relaxed_simd_deterministic(true)
        // Calls are synchronous, and the bookkeeping for others costs each of them.
        .concurrency_support(false);
    // The same bits on every machine: a verdict must not depend on which one replays it.
    #[cfg(feature = "compiler")]
    config.cranelift_nan_canonicalization(true);
    let version = ModuleVersionStrategy::Custom(CODE_VERSION.to_owned());
    config.module_version(version).map_err(|error| EngineError(format!("{error:#}")))?;
    Ok(config)
}

fn engine(metering: Metering, stack_bytes: usize) -> Result<Engine, EngineError> {
    let mut config = code_config(metering)?;
    config
        .max_wasm_stack(stack_bytes)
        // Never used, as all calls are synchronous; but it may not be smaller than the wasm stack.
        .async_stack_size(stack_bytes + (1 << 20))
        .wasm_backtrace_max_frames(std::num::NonZeroUsize::new(BACKTRACE_FRAMES_MAX));
    // A copy: the fallback below needs the configuration without a pool.
    let mut pooled = config.clone();
    pooled.allocation_strategy(InstanceAllocationStrategy::Pooling(pool()));
    let engine = Engine::new(&pooled).or_else(|error| {
        // The pool reserves address space, hundreds of GiB of it; some containers cap that.
        tracing::warn!(%error, "no address space for a pool of instances; starting them will be slower");
        Engine::new(&config).map_err(|error| EngineError(format!("{error:#}")))
    })?;
    start_ticker(&engine)?;
    Ok(engine)
}

/// Sized for guests in Python and JavaScript too, which bring many core modules and large tables. What is not used costs
/// address space only; memory itself is limited per instance, by `Limits`.
fn pool() -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(INSTANCES_MAX)
        .total_core_instances(INSTANCES_MAX * 100)
        .total_memories(INSTANCES_MAX)
        .total_tables(INSTANCES_MAX * 8)
        // Each is mapped and guarded when the pool is made: the usual 1,000 of them are a sixth of a cold start.
        .total_stacks(INSTANCES_MAX)
        .max_core_instances_per_component(100)
        .max_memories_per_component(20)
        .max_tables_per_component(20)
        .max_memories_per_module(20)
        .max_tables_per_module(20)
        .max_component_instance_size(4 << 20)
        .max_core_instance_size(4 << 20)
        .table_elements(100_000)
        // Idle slots keep their pages for the next instance of the same transform; the kernel tells which ones were written
        // to. A fresh instance takes 11 us with it instead of 25, and its first batch no page faults.
        .max_unused_warm_slots(INSTANCES_MAX)
        .pagemap_scan(wasmtime::Enabled::Auto)
        .linear_memory_keep_resident(KEEP_RESIDENT_BYTES)
        .table_keep_resident(KEEP_RESIDENT_BYTES);
    pool
}

/// Counts epochs until the engine is gone.
fn start_ticker(engine: &Engine) -> Result<(), EngineError> {
    // Weak, or this thread would keep the engine alive, and itself with it.
    let engine = engine.weak();
    let thread = std::thread::Builder::new().name("sluicebox-epochs".to_owned());
    thread
        .spawn(move || {
            while let Some(engine) = engine.upgrade() {
                engine.increment_epoch();
                // Before the sleep: the last other owner may let go meanwhile, and the engine must end with it.
                drop(engine);
                std::thread::sleep(EPOCH);
            }
        })
        .map(drop)
        .map_err(|error| EngineError(format!("cannot start a thread: {error}")))
}
