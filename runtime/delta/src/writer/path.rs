//! Where a data file lies in the table's folder. Pure: knows no store.
//!
//! The folders are for people and for tools that know no Delta: readers of Delta take partition values from the log alone.
//! So a value that is too long for a folder's name does without.

use object_store::path::Path;

/// A folder's name for null.
pub(super) const NULL: &str = "__HIVE_DEFAULT_PARTITION__";
/// The longest name that file systems take.
const FOLDER_BYTES_MAX: usize = 255;
/// Object stores take keys of 1,024 bytes. This leaves room for the table's own location and for the file's name.
const FOLDERS_BYTES_MAX: usize = 512;

/// The path of the file `name`, in a folder `column=value` for each partition value if they fit, else in the table's root.
pub(super) fn of(values: &[(String, Option<String>)], name: &str) -> Result<Path, object_store::path::Error> {
    let folders: Vec<String> = values
        .iter()
        .map(|(column, value)| format!("{}={}", encode(column), value.as_deref().map_or(NULL.to_owned(), encode)))
        .collect();
    let fits = folders.iter().all(|folder| folder.len() <= FOLDER_BYTES_MAX)
        && folders.iter().map(|folder| folder.len() + 1).sum::<usize>() <= FOLDERS_BYTES_MAX;
    let folders = if fits { folders.as_slice() } else { &[] };
    let parts: Vec<&str> = folders.iter().map(String::as_str).chain([name]).collect();
    Path::parse(parts.join("/"))
}

/// Escapes every character that means something in a path, a URL or a query, as delta-rs and Spark do.
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(values: &[Option<&str>]) -> String {
        let values: Vec<_> = values.iter().map(|value| ("p".to_owned(), value.map(str::to_owned))).collect();
        of(&values, "f.parquet").expect("a path").to_string()
    }

    #[test]
    fn values_become_folders_while_they_fit() {
        assert_eq!(path(&[]), "f.parquet");
        assert_eq!(path(&[Some("a/b %é"), None]), "p=a%2Fb%20%25%C3%A9/p=__HIVE_DEFAULT_PARTITION__/f.parquet");
        assert_eq!(path(&[Some("..")]), "p=../f.parquet");
        assert_eq!(path(&[Some(&"x".repeat(253))]), format!("p={}/f.parquet", "x".repeat(253)));
        assert_eq!(path(&[Some(&"x".repeat(254))]), "f.parquet");
        assert_eq!(path(&[Some(&"京".repeat(29))]), "f.parquet");
        assert_eq!(path(&[Some("x".repeat(200).as_str()); 3]), "f.parquet");
    }
}
