//! Lists the folder of a table's log: entries and checkpoints by version. Reads names only.

use std::collections::{BTreeMap, BTreeSet};

use futures::TryStreamExt as _;
use object_store::ObjectStore as _;
use sluicebox_delta::log::{DeltaResult, LogStoreRef, Path};

/// The files of a table's log folder.
#[derive(Default)]
pub(super) struct Listing {
    entries: BTreeSet<u64>,
    /// Checkpoints by version, with the paths and sizes of their files.
    pub(super) checkpoints: BTreeMap<u64, Vec<(Path, u64)>>,
}

impl Listing {
    pub(super) async fn read(store: &LogStoreRef, newest: u64) -> DeltaResult<Self> {
        let mut listing = Self::default();
        let objects = store.object_store(None);
        let objects: Vec<_> = objects.list(Some(store.log_path())).try_collect().await?;
        for object in objects {
            let Some(name) = object.location.filename() else { continue };
            let Some((version, rest)) = name.split_once('.') else { continue };
            let Some(version) = (version.len() == 20).then(|| version.parse::<u64>().ok()).flatten() else { continue };
            if version > newest {
                continue;
            }
            if rest == "json" {
                listing.entries.insert(version);
            } else if rest.starts_with("checkpoint.") {
                listing.checkpoints.entry(version).or_default().push((object.location.clone(), object.size));
            }
        }
        Ok(listing)
    }

    /// The oldest version from which on no entry is missing; above `newest` if the newest entry is missing too.
    pub(super) fn first(&self, newest: u64) -> u64 {
        let mut first = newest + 1;
        while first > 0 && self.entries.contains(&(first - 1)) {
            first -= 1;
        }
        first
    }
}
