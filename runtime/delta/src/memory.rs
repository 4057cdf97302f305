//! Gives memory back. A checkpoint holds all live files for a moment; glibc keeps what was freed for later use, in pieces, so that a
//! process would hold a little more after each one. Knows nothing of checkpoints.

/// Returns free memory to the operating system. Costs some milliseconds: not for the walk's own path.
pub(crate) fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: `malloc_trim` takes glibc's own locks, may be called from any thread, and touches no memory in use.
    #[expect(unsafe_code, reason = "no safe interface to glibc's allocator exists")]
    unsafe {
        libc::malloc_trim(0);
    }
}
