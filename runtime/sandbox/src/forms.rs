//! A transform's machine code, compiled beforehand: one form for each way to meter it.
//!
//! Where the bytes come from decides whether they are trusted (`sluicebox-registry`). Nothing here decides it: the host runs
//! what is in [`Forms`].

use std::fmt;

use bytes::Bytes;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::engine::Metering;

/// wasmtime's version, and the version of our settings. The host does not run code of any other: a patch release may mend
/// the compiler, and wasmtime does not compare all of our settings. Raise the second number when `engine.rs` changes what is
/// compiled.
pub const CODE_VERSION: &str = "wasmtime 48.0.8, settings 2";

/// Machine code of one transform for one target.
#[derive(Clone)]
pub struct Forms {
    epochs: Bytes,
    fuel: Bytes,
}

impl Forms {
    /// Takes code that was compiled elsewhere: for the engine that interrupts by epochs, and for the one that counts fuel.
    ///
    /// # Safety
    /// Both must be, bit by bit, what [`crate::Sandbox::precompile`] made of the component that they will be loaded with, on
    /// a machine that is trusted like this program itself: machine code runs with this program's rights. Code for another
    /// processor or of another version does no harm: loading refuses it.
    #[expect(unsafe_code, reason = "the caller answers for machine code")]
    pub unsafe fn from_trusted(epochs: Bytes, fuel: Bytes) -> Forms {
        Forms { epochs, fuel }
    }

    #[cfg(feature = "compiler")]
    pub(crate) fn new(epochs: Vec<u8>, fuel: Vec<u8>) -> Forms {
        Forms { epochs: epochs.into(), fuel: fuel.into() }
    }

    /// The code for this way to meter it.
    pub fn of(&self, metering: Metering) -> &Bytes {
        match metering {
            Metering::Epochs => &self.epochs,
            Metering::Fuel => &self.fuel,
        }
    }

    /// The code, ready for this engine; an error if it was compiled for another processor, version or way to meter.
    pub(crate) fn component(&self, engine: &Engine, metering: Metering) -> wasmtime::Result<Component> {
        #[expect(unsafe_code, reason = "the place where machine code that was compiled beforehand is taken")]
        // SAFETY: the caller of `from_trusted` answers for this being wasmtime's own output; wasmtime compares version,
        // settings and processor itself.
        unsafe {
            Component::deserialize(engine, self.of(metering))
        }
    }
}

impl fmt::Debug for Forms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Forms({} bytes with epochs, {} with fuel)", self.epochs.len(), self.fuel.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails when wasmtime is updated and the constant is not.
    #[test]
    fn the_version_is_the_one_that_is_built() {
        let lock = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock")).unwrap();
        let (_, wasmtime) = lock.split_once("name = \"wasmtime\"\nversion = \"").unwrap();
        let (version, _) = wasmtime.split_once('"').unwrap();
        assert!(CODE_VERSION.starts_with(&format!("wasmtime {version}, ")), "{CODE_VERSION} is not {version}");
    }
}
