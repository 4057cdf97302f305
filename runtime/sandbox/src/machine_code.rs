//! Where a transform's machine code comes from, in this order: precompiled forms, the cache, the compiler. A build without
//! the compiler has only the first. Knows nothing of what the code does.

use wasmtime::Engine;
use wasmtime::component::Component;

use crate::cache::CacheFolder;
use crate::digest::Digest;
use crate::engine::Metering;
use crate::forms::Forms;

/// Where to look for the machine code of one transform.
pub(crate) struct MachineCode {
    pub(crate) forms: Option<Forms>,
    #[cfg_attr(not(feature = "compiler"), expect(dead_code, reason = "only what is compiled here is kept"))]
    pub(crate) cache: Option<CacheFolder>,
}

/// Why no machine code was found.
#[derive(Debug)]
pub(crate) enum NoCode {
    /// No precompiled form fits, and this build has no compiler.
    #[cfg(not(feature = "compiler"))]
    NoForm(String),
    /// It cannot be compiled.
    #[cfg(feature = "compiler")]
    Corrupt(String),
}

impl std::fmt::Display for NoCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            #[cfg(not(feature = "compiler"))]
            NoCode::NoForm(message) => f.write_str(message),
            #[cfg(feature = "compiler")]
            NoCode::Corrupt(message) => f.write_str(message),
        }
    }
}

impl MachineCode {
    /// The component, ready for this engine, and whether it was compiled beforehand.
    pub(crate) fn component(
        &self,
        engine: &Engine,
        metering: Metering,
        wasm: &[u8],
        digest: &Digest,
    ) -> Result<(Component, bool), NoCode> {
        let misfit = match self.forms.as_ref().map(|forms| forms.component(engine, metering)) {
            Some(Ok(component)) => return Ok((component, true)),
            Some(Err(misfit)) => Some(format!("{misfit:#}")),
            None => None,
        };
        Ok((self.compiled(engine, wasm, digest, misfit)?, false))
    }

    /// From the cache if it is there, else compiled and kept.
    #[cfg(feature = "compiler")]
    fn compiled(
        &self,
        engine: &Engine,
        wasm: &[u8],
        digest: &Digest,
        misfit: Option<String>,
    ) -> Result<Component, NoCode> {
        if let Some(misfit) = misfit {
            tracing::warn!(%digest, misfit, "the precompiled form does not fit; compiling the transform here");
        }
        if let Some(component) = self.cache.as_ref().and_then(|cache| cache.get(engine, digest)) {
            return Ok(component);
        }
        let component =
            Component::new(engine, wasm).map_err(|error| NoCode::Corrupt(crate::bounded::explained(&error)))?;
        if let Some(cache) = &self.cache {
            cache.put(engine, digest, &component);
        }
        Ok(component)
    }

    #[cfg(not(feature = "compiler"))]
    fn compiled(&self, _: &Engine, _: &[u8], _: &Digest, misfit: Option<String>) -> Result<Component, NoCode> {
        Err(NoCode::NoForm(misfit.unwrap_or_else(|| "there is no precompiled form for this machine".to_owned())))
    }
}
