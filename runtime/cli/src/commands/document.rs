//! A pipeline's file, read for a command: what is wrong with it is shown, and from then on its buckets can be reached. Where
//! the command line names a file, or `SLUICEBOX_PIPELINE` does, it may also be an `s3://` URL or the document itself.

use std::path::Path;

use sluicebox_delta::store;
use sluicebox_settings::{Document, DocumentPlace};

use super::check::shown;
use super::dlq::wait;
use crate::exit::{Blame as _, Failure};

/// Reads the file of a pipeline. Every command that opens tables goes through here, or through [`reached`].
pub(super) fn document(path: &Path) -> Result<Document, Failure> {
    wait(reached(path))
}

/// The same within a runtime.
pub(super) async fn reached(path: &Path) -> Result<Document, Failure> {
    let document = read(path).await?;
    sluicebox_aws::reach_buckets(document.settings()).environment("cannot find out how to reach buckets")?;
    Ok(document)
}

/// Reads the file and reaches nothing else.
pub(super) async fn read(path: &Path) -> Result<Document, Failure> {
    let read = match place(path) {
        DocumentPlace::File(path) => Document::load(&path),
        DocumentPlace::Text(text) => Document::of_text(Path::new(DocumentPlace::VARIABLE), text),
        DocumentPlace::Url(url) => {
            // Not by the pipeline's own `s3` settings: they are in the document that is still to be read.
            sluicebox_aws::reach_bucket_of(&url).environment("cannot find out how to reach buckets")?;
            let bytes = store::read(&url).await.environment(format!("cannot read {url}"))?;
            let text = String::from_utf8(bytes.into()).usage(format!("{url} is not UTF-8 text"))?;
            Document::of_text(Path::new(DocumentPlace::VARIABLE), text)
        }
    };
    read.map_err(|error| shown(&error))
}

/// What people call it: its path or URL; a document without either, by the variable that holds it.
pub(super) fn title(path: &Path) -> String {
    match place(path) {
        DocumentPlace::File(path) => path.display().to_string(),
        DocumentPlace::Url(url) => url,
        DocumentPlace::Text(_) => format!("${}", DocumentPlace::VARIABLE),
    }
}

fn place(path: &Path) -> DocumentPlace {
    match path.to_str() {
        Some(text) => DocumentPlace::of(text.to_owned()),
        None => DocumentPlace::File(path.to_owned()),
    }
}
