//! Where compiled transforms are kept between runs: a folder of the user's own, which the sandbox refuses if others could
//! write to it. Without one, every start compiles.

use std::path::PathBuf;

use sluicebox_sandbox::CacheFolder;

/// The folder of compiled transforms; none if there is no place for it.
pub(crate) fn compiled() -> Option<CacheFolder> {
    let folder = user_cache()?.join("sluicebox").join("compiled");
    // Without a cache a command works too, only more slowly.
    CacheFolder::open(&folder).inspect_err(|error| tracing::warn!(%error, "compiled transforms are not kept")).ok()
}

/// <https://specifications.freedesktop.org/basedir-spec/latest/>
fn user_cache() -> Option<PathBuf> {
    absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))
}

/// The path in a variable; none if it is relative.
fn absolute(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute())
}
