//! Compiled transforms on disk, so that a start takes a millisecond instead of seconds.
//!
//! The files are machine code that runs with our rights. So the folder must be ours alone; `code` reads and writes it.

use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::error::CacheError;

#[cfg(feature = "compiler")]
mod code;

/// A folder of compiled transforms that no other user can write to.
#[derive(Debug, Clone)]
pub struct CacheFolder(
    #[cfg_attr(not(feature = "compiler"), expect(dead_code, reason = "only what is compiled here is kept"))] PathBuf,
);

impl CacheFolder {
    /// Takes a folder, making it if need be.
    ///
    /// # Errors
    /// If another user could put code there.
    pub fn open(path: impl Into<PathBuf>) -> Result<CacheFolder, CacheError> {
        let path = path.into();
        let fail = |source| CacheError::Folder { path: path.clone(), source };
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(fail)?;
        // A symbolic link is resolved once, here: turning it later changes nothing for us.
        let folder = path.canonicalize().map_err(fail)?;
        check_trust(&folder).map_err(|error| match error {
            Untrusted::Unreadable(source) => CacheError::Folder { path: folder.clone(), source },
            Untrusted::Because(reason) => CacheError::Untrusted { path: folder.clone(), reason },
        })?;
        Ok(CacheFolder(folder))
    }
}

enum Untrusted {
    Because(String),
    Unreadable(std::io::Error),
}

/// Whether the folder belongs to us (or root) and only its owner can write there.
fn check_trust(folder: &Path) -> Result<(), Untrusted> {
    let metadata = std::fs::metadata(folder).map_err(Untrusted::Unreadable)?;
    let (owner, us) = (metadata.uid(), rustix::process::geteuid().as_raw());
    // Root is trusted: it could replace this program as well.
    if owner != us && owner != 0 {
        return Err(Untrusted::Because(format!("belongs to user {owner}, and we are user {us}")));
    }
    // The write bits of group and others. That others can read compiled code does no harm.
    match metadata.mode() & 0o022 {
        0 => Ok(()),
        _ => Err(Untrusted::Because(format!("can be written by others (mode {:04o})", metadata.mode() & 0o7777))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_folder_that_others_can_write_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("cache");
        assert!(CacheFolder::open(&folder).is_ok(), "made, and ours");
        for mode in [0o770, 0o707, 0o1777] {
            std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(mode)).unwrap();
            let error = CacheFolder::open(&folder).unwrap_err();
            assert!(matches!(error, CacheError::Untrusted { .. }), "{mode:o}: {error}");
        }
    }
}
