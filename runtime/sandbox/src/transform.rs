//! A transform that has been loaded: checked, compiled, and known by its digest and its description.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use wasmtime::Engine;
use wasmtime::component::{Component, HasSelf, Linker};

use crate::bindings::{Transform as World, TransformPre as WorldPre};
use crate::bounded::{MESSAGE_BYTES_MAX, cut, explained};
use crate::cache::CacheFolder;
use crate::describe;
use crate::description::Description;
use crate::digest::Digest;
use crate::engine::{EngineRoom, Engines, Metering};
use crate::error::{ConfigureError, LoadError};
use crate::imports::{self, Refusal, Wanted};
use crate::instance::{Compiled, Instance, StartError, State, Surroundings};
use crate::limits::Limits;
use crate::log_allowance::LogAllowance;
use crate::machine_code::{MachineCode, NoCode};
use crate::structure::{Misfit, Structure};
use crate::wasi;
use crate::worker::Worker;

/// The functions of the world.
const EXPORTS: [&str; 3] = ["configure", "describe", "process"];

/// A transform, ready to make workers. Cheap to clone.
#[derive(Clone)]
pub struct Transform(Arc<Loaded>);

struct Loaded {
    digest: Digest,
    description: Description,
    limits: Limits,
    structure: Structure,
    wanted: Wanted,
    wasm: Vec<u8>,
    engines: Arc<Engines>,
    log_allowance: Arc<LogAllowance>,
    code: MachineCode,
    is_precompiled: bool,
    quick: Compiled,
    exact: OnceLock<Result<Compiled, String>>,
}

impl Transform {
    /// SHA-256 of the component's bytes: what identifies a transform.
    pub fn digest(&self) -> &Digest {
        &self.0.digest
    }

    /// What it says of itself.
    pub fn description(&self) -> &Description {
        &self.0.description
    }

    /// The limits it was loaded with.
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// What it imports, by full name.
    pub fn imports(&self) -> &[String] {
        &self.0.structure.imports
    }

    /// What it exports, by full name.
    pub fn exports(&self) -> &[String] {
        &self.0.structure.exports
    }

    /// The component's bytes, as they were loaded.
    pub fn wasm(&self) -> &[u8] {
        &self.0.wasm
    }

    /// The size of the component.
    pub fn size_bytes(&self) -> usize {
        self.0.wasm.len()
    }

    /// Whether its machine code was compiled beforehand, not here.
    pub fn is_precompiled(&self) -> bool {
        self.0.is_precompiled
    }

    /// A worker whose instance took this configuration: a JSON object, `{}` if there is none.
    ///
    /// # Errors
    /// If the transform refuses the configuration or fails over it.
    pub fn worker(&self, configuration: &str) -> Result<Worker, ConfigureError> {
        Worker::start(self.clone(), configuration)
    }

    /// What instances of all transforms together may log.
    pub(crate) fn log_allowance(&self) -> &Arc<LogAllowance> {
        &self.0.log_allowance
    }

    /// Compiled for speed.
    pub(crate) fn quick(&self) -> &Compiled {
        &self.0.quick
    }

    /// Compiled for counting; on first use, as most transforms never need it.
    pub(crate) fn exact(&self) -> Result<&Compiled, String> {
        self.0.exact.get_or_init(|| self.compile_exact()).as_ref().map_err(Clone::clone)
    }

    fn compile_exact(&self) -> Result<Compiled, String> {
        let engine = self.0.engines.exact()?;
        let found = self.0.code.component(engine, Metering::Fuel, &self.0.wasm, &self.0.digest);
        let (component, _) = found.map_err(|reason| reason.to_string())?;
        link(engine, &component, &self.0.wanted, true).map_err(|error| explained(&error))
    }

    /// Reads the file and goes on as [`Self::from_bytes`] does.
    pub(crate) fn load(
        path: &Path,
        limits: &Limits,
        room: &EngineRoom,
        cache: Option<&CacheFolder>,
    ) -> Result<Transform, LoadError> {
        limits.check()?;
        let code = MachineCode { forms: None, cache: cache.cloned() };
        Self::from_bytes(path, read(path, limits.module_bytes_max)?, limits, room, code)
    }

    /// Checks, has it compiled unless it is so already, and has it describe itself. What is cheap to refuse is refused first.
    pub(crate) fn from_bytes(
        path: &Path,
        wasm: Vec<u8>,
        limits: &Limits,
        room: &EngineRoom,
        code: MachineCode,
    ) -> Result<Transform, LoadError> {
        // Before any work: an engine for a stack of this size might be made otherwise.
        limits.check()?;
        let path = path.to_owned();
        let structure = if code.forms.is_some() { Structure::read(&wasm) } else { Structure::validated(&wasm) };
        let structure = structure.map_err(|misfit| match misfit {
            Misfit::NotWasm => LoadError::NotWasm(path.clone()),
            Misfit::CoreModule => LoadError::CoreModule(path.clone()),
            Misfit::Corrupt(message) => LoadError::Corrupt { path: path.clone(), message },
        })?;
        let wrong_world = |message| LoadError::WrongWorld { path: path.clone(), message };
        let wanted = imports::check(structure.imports.iter().map(String::as_str)).map_err(|refusal| match refusal {
            Refusal::OtherVersion(message) => wrong_world(message),
            Refusal::Forbidden { import, advice } => LoadError::ForbiddenImport { path: path.clone(), import, advice },
        })?;
        if let Some(missing) = EXPORTS.iter().find(|export| !structure.exports.iter().any(|found| found == *export)) {
            let found = structure.exports.join("`, `");
            let found = cut(&found, MESSAGE_BYTES_MAX);
            return Err(wrong_world(format!("it does not export `{missing}`; its exports are `{found}`")));
        }
        let (digest, engines) = (Digest::of(&wasm), room.engines(limits.stack_bytes_max)?);
        let found = code.component(&engines.quick, Metering::Epochs, &wasm, &digest);
        let (component, is_precompiled) = found.map_err(|no| match no {
            #[cfg(not(feature = "compiler"))]
            NoCode::NoForm(reason) => LoadError::NoForm { path: path.clone(), reason },
            #[cfg(feature = "compiler")]
            NoCode::Corrupt(message) => LoadError::Corrupt { path: path.clone(), message },
        })?;
        let quick = link(&engines.quick, &component, &wanted, false).map_err(|error| wrong_world(explained(&error)))?;
        let surroundings = Surroundings {
            log_allowance: Arc::clone(&room.log_allowance),
            log_lines: limits.batch_log_lines_max,
            stop: None,
        };
        let description = Instance::start(&quick, limits, surroundings)
            .and_then(|mut instance| instance.describe())
            .map_err(|error| LoadError::Start { path: path.clone(), message: start_message(error) })?;
        let description = describe::read(description).map_err(|message| {
            let message = cut(&message, MESSAGE_BYTES_MAX).to_owned();
            LoadError::Description { path: path.clone(), message }
        })?;
        Ok(Transform(Arc::new(Loaded {
            digest,
            description,
            limits: limits.clone(),
            structure,
            wanted,
            wasm,
            engines,
            log_allowance: Arc::clone(&room.log_allowance),
            code,
            is_precompiled,
            quick,
            exact: OnceLock::new(),
        })))
    }
}

/// Reads the file, but never more of it than allowed.
fn read(path: &Path, bytes_max: u64) -> Result<Vec<u8>, LoadError> {
    let fail = |source| LoadError::File { path: path.to_owned(), source };
    let bytes = std::fs::metadata(path).map_err(fail)?.len();
    // By its metadata, so that a file of any size is refused without being read.
    if bytes > bytes_max {
        return Err(LoadError::TooLarge { path: path.to_owned(), bytes, max: bytes_max });
    }
    std::fs::read(path).map_err(fail)
}

/// Gives the component its imports, and finds the functions of the world.
fn link(engine: &Engine, component: &Component, wanted: &Wanted, fuel: bool) -> wasmtime::Result<Compiled> {
    let mut linker = Linker::<State>::new(engine);
    World::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;
    if wanted.wasi {
        wasi::add_to_linker(&mut linker)?;
    }
    Ok(Compiled { world: WorldPre::new(linker.instantiate_pre(component)?)?, fuel })
}

fn start_message(error: StartError) -> String {
    match error {
        StartError::Guest(message) | StartError::Refused(message) | StartError::Host(message) => message,
        StartError::Stopped => "the process is stopping".to_owned(),
    }
}
