//! Where the pipeline file is: beside the binary unless `SLUICEBOX_PIPELINE` names another path, an `s3://` URL, or holds
//! the document itself. Relative paths in it start from its folder; in a document without one, from the function's.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sluicebox_settings::{Document, Settings};
use sluicebox_delta::store;

const VARIABLE: &str = "SLUICEBOX_PIPELINE";
const FILE: &str = "pipeline.yaml";

#[derive(Debug, PartialEq, Eq)]
enum Place {
    File(PathBuf),
    Url(String),
    /// The document itself.
    Text(String),
}

/// Reads and checks the pipeline file, with the overrides of the environment.
pub(crate) async fn load() -> Result<Settings> {
    let folder = folder();
    let document = match place(std::env::var(VARIABLE).ok(), &folder) {
        Place::File(path) => Document::load(&path),
        Place::Url(url) => {
            let bytes = store::read(&url).await.with_context(|| format!("{VARIABLE}: cannot read {url}"))?;
            let text = String::from_utf8(bytes.into()).with_context(|| format!("{VARIABLE}: {url} is no text"))?;
            Document::parse(&folder.join(FILE), text, variables())
        }
        Place::Text(text) => Document::parse(&folder.join(FILE), text, variables()),
    };
    // The text says all that is wrong, over several lines.
    document.map(Document::into_settings).map_err(|error| anyhow::anyhow!("{error}"))
}

fn place(variable: Option<String>, folder: &Path) -> Place {
    match variable.filter(|text| !text.is_empty()) {
        None => Place::File(folder.join(FILE)),
        Some(text) if text.trim_start().starts_with('{') || text.contains('\n') => Place::Text(text),
        Some(text) if text.starts_with("s3://") => Place::Url(text),
        Some(path) => Place::File(folder.join(path)),
    }
}

/// Where Lambda has unpacked the function.
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
        assert_eq!(place(None, Path::new("/var/task")), Place::File("/var/task/pipeline.yaml".into()));
        assert_eq!(placed("other.yaml"), Place::File("/var/task/other.yaml".into()));
        assert_eq!(placed("/opt/orders.yaml"), Place::File("/opt/orders.yaml".into()));
        assert_eq!(placed("s3://bucket/p.yaml"), Place::Url("s3://bucket/p.yaml".to_owned()));
        assert_eq!(placed(" {\"name\": \"x\"}"), Place::Text(" {\"name\": \"x\"}".to_owned()));
        assert_eq!(placed("name: x\nsource: {}"), Place::Text("name: x\nsource: {}".to_owned()));
    }
}
