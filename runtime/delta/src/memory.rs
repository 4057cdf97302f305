//! Gives memory back. A checkpoint holds all live files for a moment; glibc keeps what was freed for later use, in pieces, so that a
//! process would hold a little more after each one. Knows nothing of checkpoints.

/// Bounds what glibc keeps of memory that was freed. Call it once, before there are threads.
///
/// By default every thread may have a heap of its own, and buffers that were freed raise the size up to which heaps serve, and keep,
/// the next ones (mallopt(3): `M_ARENA_MAX`, `M_TRIM_THRESHOLD`).
pub fn bound_heaps() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: `mallopt` only sets parameters of glibc's allocator.
    #[expect(unsafe_code, reason = "no safe interface to glibc's allocator exists")]
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 2);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 1 << 20);
    }
}

/// Returns free memory to the operating system. Costs some milliseconds: not for the walk's own path.
pub(crate) fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: `malloc_trim` takes glibc's own locks, may be called from any thread, and touches no memory in use.
    #[expect(unsafe_code, reason = "no safe interface to glibc's allocator exists")]
    unsafe {
        libc::malloc_trim(0);
    }
}
