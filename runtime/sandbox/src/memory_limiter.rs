//! How much memory an instance holds, all its memories together. wasmtime asks before each growth.

use wasmtime::ResourceLimiter;

/// Elements of all tables of an instance together: generous for function tables, far from a burden.
const TABLE_ELEMENTS_MAX: usize = 1_000_000;

/// The machine has no memory left; says nothing about a record.
#[derive(Debug, thiserror::Error)]
#[error("the host has no memory left for the transform: {0}")]
pub(crate) struct HostMemoryExhausted(String);

/// Limits and remembers.
#[derive(Debug)]
pub(crate) struct MemoryLimiter {
    bytes: usize,
    bytes_max: usize,
    table_elements: usize,
    refused: bool,
}

impl MemoryLimiter {
    pub(crate) fn new(bytes_max: u64) -> Self {
        let bytes_max = usize::try_from(bytes_max).unwrap_or(usize::MAX);
        MemoryLimiter { bytes: 0, bytes_max, table_elements: 0, refused: false }
    }

    /// Whether the guest was ever refused memory. What it does then depends on what the instance did before, so that
    /// it decides nothing but for a record alone on a fresh instance.
    pub(crate) fn refused(&self) -> bool {
        self.refused
    }

    /// Whether so much is held that the instance should soon retire.
    pub(crate) fn is_high(&self) -> bool {
        self.bytes > self.bytes_max / 4 * 3
    }
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        // The sum over all memories: wasmtime asks for each of them alone, and a component may have twenty.
        let bytes = self.bytes.saturating_add(desired.saturating_sub(current));
        if bytes > self.bytes_max || maximum.is_some_and(|maximum| desired > maximum) {
            self.refused = true;
            // A refusal, no error: the guest sees `memory.grow` fail, as wasm allows, and may go on.
            return Ok(false);
        }
        self.bytes = bytes;
        Ok(true)
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        // The machine is out of memory: the host's trouble, which must not become a record's verdict.
        Err(wasmtime::Error::new(HostMemoryExhausted(format!("{error:#}"))))
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        // The pool's own bound, below ours.
        self.refused = true;
        Ok(())
    }

    fn table_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let elements = self.table_elements.saturating_add(desired.saturating_sub(current));
        if elements > TABLE_ELEMENTS_MAX {
            self.refused = true;
            return Ok(false);
        }
        self.table_elements = elements;
        Ok(true)
    }
}
