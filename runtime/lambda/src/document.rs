//! Finds the pipeline file: beside the binary, unless `SLUICEBOX_PIPELINE` has another path, an `s3://` URL or the document
//! itself. Relative paths in it start from its folder; in a document without a folder, from the function's.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sluicebox_delta::store;
use sluicebox_settings::{Document, Settings};

const VARIABLE: &str = "SLUICEBOX_PIPELINE";
const FILE: &str = "pipeline.yaml";

#[derive(Debug, PartialEq, Eq)]
enum DocumentPlace {
    File(PathBuf),
    Url(String),
    /// The text is the document itself.
    Text(String),
}

/// Reads and checks the pipeline file, with the overrides of the environment.
pub(crate) async fn load() -> Result<Settings> {
    let folder = folder();
    let document = match place(std::env::var(VARIABLE).ok(), &folder) {
        DocumentPlace::File(path) => Document::load(&path),
        DocumentPlace::Url(url) => {
            let bytes = store::read(&url).await.with_context(|| format!("{VARIABLE}: cannot read {url}"))?;
            let text =
                String::from_utf8(bytes.into()).with_context(|| format!("{VARIABLE}: {url} is not UTF-8 text"))?;
            Document::parse(&folder.join(FILE), text, variables())
        }
        DocumentPlace::Text(text) => Document::parse(&folder.join(FILE), text, variables()),
    };
    // The error's text has several lines and names all faults at once.
    document.map(Document::into_settings).map_err(|error| anyhow::anyhow!("{error}"))
}

fn place(variable: Option<String>, folder: &Path) -> DocumentPlace {
    match variable.filter(|text| !text.is_empty()) {
        None => DocumentPlace::File(folder.join(FILE)),
        Some(text) if text.trim_start().starts_with('{') || text.contains('\n') => DocumentPlace::Text(text),
        Some(text) if text.starts_with("s3://") => DocumentPlace::Url(text),
        Some(path) => DocumentPlace::File(folder.join(path)),
    }
}

/// The folder that Lambda has unpacked the function into.
fn folder() -> PathBuf {
    let unpacked = std::env::var_os("LAMBDA_TASK_ROOT").map(PathBuf::from);
    let beside = || std::env::current_exe().ok().and_then(|path| path.parent().map(Path::to_owned));
    unpacked.or_else(beside).unwrap_or_default()
}

fn variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_told_from_its_place() {
        let placed = |text: &str| place(Some(text.to_owned()), Path::new("/var/task"));
        assert_eq!(place(None, Path::new("/var/task")), DocumentPlace::File("/var/task/pipeline.yaml".into()));
        assert_eq!(placed("other.yaml"), DocumentPlace::File("/var/task/other.yaml".into()));
        assert_eq!(placed("/opt/orders.yaml"), DocumentPlace::File("/opt/orders.yaml".into()));
        assert_eq!(placed("s3://bucket/p.yaml"), DocumentPlace::Url("s3://bucket/p.yaml".to_owned()));
        assert_eq!(placed(" {\"name\": \"x\"}"), DocumentPlace::Text(" {\"name\": \"x\"}".to_owned()));
        assert_eq!(placed("name: x\nsource: {}"), DocumentPlace::Text("name: x\nsource: {}".to_owned()));
    }
}
