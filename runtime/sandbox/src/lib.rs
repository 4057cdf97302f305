//! Runs a WebAssembly transform on batches of records, within limits, and gives each record exactly one verdict.
//!
//! ```text
//! Sandbox ── load ──▶ Transform ── worker ──▶ Worker ── process(&Batch) ──▶ Outcome
//!   engines            checked, compiled        one instance at a time        verdicts, rows, rejections
//! ```
//!
//! It knows wasmtime and nothing else: no Kafka, no Delta, no AWS, no JSON. Read in this order:
//!
//! 1. [`batch`], [`description`], [`outcome`], [`limits`]: what goes in, what is promised, what comes out, within what;
//! 2. `worker`, and `bisect` with `pace`: which calls are made, and who is blamed for a failed one;
//! 3. `validate`, `describe`: whether the guest keeps to the contract;
//! 4. `transform`, with `structure` and `imports`: from a file to something that runs; `machine_code`, with [`forms`],
//!    [`target`] and [`cache`]: which of its machine code exists already;
//! 5. `instance`, with `memory_limiter`, `meter`, `guest_log` and its `log_allowance`, `wasi` and `failure`: one live instance; `engine`: what runs
//!    it; `bounded`: how much is kept of foreign words.
//!
//! Invariants:
//! - a record's failure is a [`Rejection`], and an `Err` is the host's trouble;
//! - the same record gets the same verdict on every replay, machine and split of the batch, as long as the transform is a
//!   pure function;
//! - no guest makes the host panic, hang or run out of memory.

pub mod batch;
mod bindings;
mod bisect;
mod bounded;
pub mod cache;
pub mod code;
mod describe;
pub mod description;
mod digest;
mod engine;
mod error;
mod failure;
pub mod forms;
mod guest_log;
mod imports;
mod instance;
pub mod limits;
mod log_allowance;
mod machine_code;
mod memory_limiter;
mod merge;
mod meter;
pub mod outcome;
mod pace;
#[cfg(feature = "compiler")]
mod precompile;
mod structure;
pub mod target;
mod transform;
mod validate;
mod wasi;
mod worker;

use std::path::Path;
use std::sync::Arc;

pub use batch::{Batch, ByteStrings, Headers, NO_HEADERS, Record};
pub use cache::CacheFolder;
pub use description::{DataType, Description, Field, RowFormat, Table};
pub use digest::{Digest, MalformedDigest};
pub use engine::Metering;
pub use error::{CacheError, ConfigureError, EngineError, LoadError, SandboxError};
pub use forms::{CODE_VERSION, Forms};
pub use limits::{LimitError, Limits};
pub use meter::Stop;
pub use outcome::{Column, Effort, Outcome, Part, Rejection, Rows, Stage, Strings, TableRows, Values, Verdict};
pub use target::{Target, UnknownTarget};
pub use transform::Transform;
pub use worker::Worker;

/// The engines that run transforms. Cheap to clone; one per process is enough.
#[derive(Clone)]
pub struct Sandbox(Arc<engine::EngineRoom>);

impl Sandbox {
    /// Sets up the engine for the default limits.
    ///
    /// # Errors
    /// If wasmtime cannot run on this machine.
    pub fn new() -> Result<Sandbox, EngineError> {
        let room = engine::EngineRoom::default();
        room.engines(Limits::default().stack_bytes_max)?;
        Ok(Sandbox(Arc::new(room)))
    }

    /// Loads a transform: reads and hashes the file, checks its imports and world, compiles it or takes it from the
    /// cache, and has it describe itself.
    ///
    /// # Errors
    /// The reason why the file cannot run here as a transform, with what to do about it.
    pub fn load(&self, wasm: &Path, limits: &Limits, cache: Option<&CacheFolder>) -> Result<Transform, LoadError> {
        Transform::load(wasm, limits, &self.0, cache)
    }

    /// The same for a component that is not in a file; its errors call it `name`.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_bytes(
        &self,
        name: &Path,
        wasm: Vec<u8>,
        limits: &Limits,
        cache: Option<&CacheFolder>,
    ) -> Result<Transform, LoadError> {
        let code = machine_code::MachineCode { forms: None, cache: cache.cloned() };
        Transform::from_bytes(name, wasm, limits, &self.0, code)
    }

    /// The same with precompiled machine code. Code that does not fit this machine or this version is not run: this build
    /// compiles the component instead, if it can. The form for fuel is looked at when the first suspect needs it.
    ///
    /// # Errors
    /// As [`Self::load`], and if nothing fits where there is no compiler.
    pub fn load_precompiled(
        &self,
        name: &Path,
        wasm: Vec<u8>,
        limits: &Limits,
        forms: Forms,
        cache: Option<&CacheFolder>,
    ) -> Result<Transform, LoadError> {
        let code = machine_code::MachineCode { forms: Some(forms), cache: cache.cloned() };
        Transform::from_bytes(name, wasm, limits, &self.0, code)
    }

    /// Compiles a transform for a target, which need not be this machine.
    ///
    /// # Errors
    /// If the component cannot be compiled.
    #[cfg(feature = "compiler")]
    pub fn precompile(&self, transform: &Transform, target: Target) -> Result<Forms, EngineError> {
        precompile::precompile(transform.wasm(), target).map_err(|error| EngineError(format!("{error:#}")))
    }
}
