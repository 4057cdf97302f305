//! The files of the cache: the name says what the code was compiled from and for, and a checksum guards against truncation
//! and rot. A file that does not fit is compiled again.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use super::{CacheFolder, check_trust};
use crate::digest::Digest;

const CHECKSUM_BYTES: usize = 32;

impl CacheFolder {
    /// The component compiled for this engine, if it lies here unharmed.
    pub(crate) fn get(&self, engine: &Engine, digest: &Digest) -> Option<Component> {
        let file = self.file(engine, digest);
        let bytes = std::fs::read(&file).ok()?;
        // Checked, because a damaged file may be shorter than its checksum: it counts as absent.
        let (checksum, code) = bytes.split_at_checked(CHECKSUM_BYTES)?;
        // Before `deserialize`, which trusts the bytes that it gets: wasmtime recognises another version, not damage.
        if Sha256::digest(code)[..] != *checksum || check_trust(&self.0).is_err() {
            tracing::warn!(file = %file.display(), "cached transform is damaged; compiling it again");
            return None;
        }
        #[expect(unsafe_code, reason = "the one place where machine code is taken from disk")]
        // SAFETY: the code is what `put` wrote, as the checksum says. No other user can have written both: the folder is
        // ours alone (checked again just now). wasmtime refuses another version's or CPU's code itself.
        let component = unsafe { Component::deserialize(engine, code) };
        component.inspect_err(|error| tracing::debug!(%error, "cached transform does not fit; compiling it again")).ok()
    }

    /// Keeps a compiled component. A cache that cannot be written is slower, and nothing worse.
    pub(crate) fn put(&self, engine: &Engine, digest: &Digest, component: &Component) {
        let file = self.file(engine, digest);
        if let Err(error) = self.write(&file, component) {
            tracing::warn!(file = %file.display(), error = %format!("{error:#}"), "cannot keep the compiled transform");
        }
    }

    fn write(&self, file: &Path, component: &Component) -> wasmtime::Result<()> {
        let code = component.serialize()?;
        // In the same folder, so that `persist` is a rename: a concurrent reader sees a whole file or none.
        let mut temporary = tempfile::NamedTempFile::new_in(&self.0)?;
        temporary.write_all(&Sha256::digest(&code))?;
        temporary.write_all(&code)?;
        temporary.persist(file)?;
        Ok(())
    }

    /// Named after the component, and after everything that its code depends on: wasmtime's version, settings, CPU.
    fn file(&self, engine: &Engine, digest: &Digest) -> PathBuf {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        self.0.join(format!("{}-{:016x}.cwasm", hex::encode(digest.as_bytes()), hasher.finish()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_damaged_is_not_run() {
        let folder = tempfile::tempdir().unwrap();
        let cache = CacheFolder::open(folder.path()).unwrap();
        let engine = Engine::default();
        let wat = wat::parse_str("(component)").unwrap();
        let (digest, component) = (Digest::of(&wat), Component::new(&engine, &wat).unwrap());
        assert!(cache.get(&engine, &digest).is_none());
        cache.put(&engine, &digest, &component);
        assert!(cache.get(&engine, &digest).is_some());

        let file = cache.file(&engine, &digest);
        let whole = std::fs::read(&file).unwrap();
        for length in [0, 10, CHECKSUM_BYTES, whole.len() / 2, whole.len() - 1] {
            std::fs::write(&file, &whole[..length]).unwrap();
            assert!(cache.get(&engine, &digest).is_none(), "truncated to {length}");
        }
        let mut flipped = whole.clone();
        flipped[whole.len() / 2] ^= 1;
        std::fs::write(&file, &flipped).unwrap();
        assert!(cache.get(&engine, &digest).is_none(), "one bit");
    }
}
