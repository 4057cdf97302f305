//! Where the transforms of demo and bench come from: built from a checkout, which lies above the working directory or above
//! this program.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use sluicebox_console::exit::{Blame as _, Failure};
use sluicebox_guest_builder::Options;

/// A folder that only a checkout has.
const LANDMARK: &str = "sample-transforms/orders-with-poison/Cargo.toml";

/// The root of the checkout, if there is one.
pub(crate) fn checkout() -> Option<PathBuf> {
    let starts = [std::env::current_dir().ok(), std::env::current_exe().ok()];
    starts.iter().flatten().find_map(|start| above(start))
}

fn above(start: &Path) -> Option<PathBuf> {
    start.ancestors().find(|folder| folder.join(LANDMARK).is_file()).map(Path::to_path_buf)
}

/// Builds a crate of the checkout, such as `sample-transforms/clean-orders`. On a terminal, cargo shows its progress: the
/// first build of all takes a minute.
pub(crate) fn build(folder: &str) -> Result<PathBuf, Failure> {
    let Some(checkout) = checkout() else {
        return Err(Failure::usage(format!(
            "there is no checkout to build {folder} from: run this inside one, or give built components"
        )));
    };
    let options = Options { quiet: !std::io::stderr().is_terminal(), ..Options::default() };
    let built = sluicebox_guest_builder::build(&checkout.join(folder), &options);
    let path = built.usage(format!("cannot build {folder}"))?.path;
    path.canonicalize().environment(format!("cannot find {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkout_is_found_from_any_folder_inside_it() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("docs/runbooks");
        std::fs::create_dir_all(&deep).unwrap();
        assert_eq!(above(&deep), None);
        let landmark = folder.path().join(LANDMARK);
        std::fs::create_dir_all(landmark.parent().unwrap()).unwrap();
        std::fs::write(&landmark, "").unwrap();
        assert_eq!(above(&deep).as_deref(), Some(folder.path()));
    }
}
