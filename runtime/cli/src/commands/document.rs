//! A pipeline's file, read for a command: what is wrong with it is shown, and from then on its buckets can be reached.

use std::path::Path;

use sluicebox_settings::Document;

use super::check::shown;
use crate::exit::{Blame as _, Failure};

/// Reads the file of a pipeline. Every command that opens tables goes through here.
pub(super) fn document(path: &Path) -> Result<Document, Failure> {
    let document = Document::load(path).map_err(|error| shown(&error))?;
    sluicebox_aws::reach_buckets(document.settings()).environment("cannot find out how to reach buckets")?;
    Ok(document)
}
