//! Finds the pipeline file: beside the binary, unless `SLUICEBOX_PIPELINE` has another path, an `s3://` URL or the document
//! itself. Relative paths in it start from its folder; in a document without a folder, from the function's.

use std::path::PathBuf;

use anyhow::{Context, Result};
use sluicebox_delta::store;
use sluicebox_settings::{Document, DocumentPlace, Settings};

const VARIABLE: &str = DocumentPlace::VARIABLE;
const FILE: &str = "pipeline.yaml";

/// Reads and checks the pipeline file, with the overrides of the environment.
pub(crate) async fn load() -> Result<Settings> {
    let folder = folder();
    // A template that leaves the variable out may set it to nothing.
    let said = std::env::var(VARIABLE).ok().filter(|text| !text.is_empty());
    let document = match DocumentPlace::of(said.unwrap_or_else(|| FILE.to_owned())) {
        DocumentPlace::File(path) => Document::load(&folder.join(path)),
        DocumentPlace::Url(url) => {
            let bytes = store::read(&url).await.with_context(|| format!("{VARIABLE}: cannot read {url}"))?;
            let text =
                String::from_utf8(bytes.into()).with_context(|| format!("{VARIABLE}: {url} is not UTF-8 text"))?;
            Document::of_text(&folder.join(FILE), text)
        }
        DocumentPlace::Text(text) => Document::of_text(&folder.join(FILE), text),
    };
    // The error's text has several lines and names all faults at once.
    document.map(Document::into_settings).map_err(|error| anyhow::anyhow!("{error}"))
}

/// The folder that Lambda has unpacked the function into.
fn folder() -> PathBuf {
    let unpacked = std::env::var_os("LAMBDA_TASK_ROOT").map(PathBuf::from);
    unpacked
        .or_else(|| std::env::current_exe().ok().and_then(|path| path.parent().map(PathBuf::from)))
        .unwrap_or_default()
}
