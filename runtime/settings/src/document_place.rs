//! Tells where a pipeline's document is from what an operator says: a path, a URL, or the document itself. Opens nothing.

use std::path::PathBuf;

/// Where a pipeline's document is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DocumentPlace {
    /// In a file.
    File(PathBuf),
    /// In an object; an `s3://` URL.
    Url(String),
    /// The text is the document itself.
    Text(String),
}

impl DocumentPlace {
    /// The environment variable that says where the document is.
    pub const VARIABLE: &str = "SLUICEBOX_PIPELINE";

    /// A text that begins with `{` or has several lines is a document. JSON is YAML, so Terraform's `jsonencode` writes one.
    pub fn of(text: String) -> Self {
        // First: a document may mention `s3://`, and a path never has these.
        if text.trim_start().starts_with('{') || text.contains('\n') {
            DocumentPlace::Text(text)
        } else if text.starts_with("s3://") {
            DocumentPlace::Url(text)
        } else {
            DocumentPlace::File(text.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_told_from_its_place() {
        let placed = |text: &str| DocumentPlace::of(text.to_owned());
        assert_eq!(placed("/opt/orders.yaml"), DocumentPlace::File("/opt/orders.yaml".into()));
        assert_eq!(placed("s3://bucket/p.yaml"), DocumentPlace::Url("s3://bucket/p.yaml".to_owned()));
        assert_eq!(placed(" {\"name\": \"x\"}"), DocumentPlace::Text(" {\"name\": \"x\"}".to_owned()));
        assert_eq!(placed("name: x\nsource: {}"), DocumentPlace::Text("name: x\nsource: {}".to_owned()));
    }
}
