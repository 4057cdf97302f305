//! Where a table lies. One place has many spellings (`a/t`, `./a//t/`, `file:///a/t`, a link, percent-encoding); they are
//! read here, once, and everything else gets the one spelling and compares the one place.

use std::path::{Component, Path, PathBuf};

use url::Url;

/// A place that can hold a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Location {
    /// The location as all commands use it: an absolute path or an `s3://` URL.
    pub(crate) spelling: String,
    /// The bucket; none of a folder.
    bucket: Option<String>,
    /// The names that lead there, links followed and percent-encoding decoded.
    names: Vec<String>,
}

/// Why a text does not name a location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Misplaced {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) remedy: String,
}

/// How two places lie to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overlap {
    Same,
    /// The second lies within the first.
    Within,
    /// The first lies within the second.
    Around,
}

impl Location {
    /// Reads a path, relative to `folder`, or a URL; `what` lies there: a table, a registry.
    pub(crate) fn read(text: &str, folder: &Path, what: &str) -> Result<Location, Misplaced> {
        if text.is_empty() {
            return Err(invalid(format!("the path of the {what} is empty"), "give a folder"));
        }
        if text.contains(char::is_control) || text != text.trim() {
            let message = format!("the path of the {what} begins or ends with a space, or has a control character");
            return Err(invalid(message, "remove it"));
        }
        match text.split_once(':') {
            Some(("s3", rest)) if rest.starts_with("//") => in_bucket(text),
            Some(("file", rest)) if rest.starts_with("//") => in_file_url(text),
            Some((scheme @ ("s3" | "file"), _)) => {
                let message = format!("`{text}` is neither a folder nor a URL");
                Err(invalid(message, &format!("a URL begins with `{scheme}://`, a path that is meant with `./`")))
            }
            Some((scheme, rest)) if rest.starts_with("//") => Err(Misplaced {
                code: "E0115",
                message: format!("a {what} at `{scheme}://` is not supported"),
                remedy: match scheme {
                    "s3a" | "s3n" => "write `s3://`".to_owned(),
                    _ => "give a folder, a `file://` URL or an `s3://` URL".to_owned(),
                },
            }),
            _ if text.starts_with('~') || text.starts_with('$') => {
                let message = format!("`{text}` stands for another path in a shell, and not here");
                Err(invalid(message, "write the whole path; a folder of this very name begins with `./`"))
            }
            _ => Ok(in_folder(&folder.join(text))),
        }
    }

    /// Whether the two have files in common.
    pub(crate) fn overlap(&self, other: &Location) -> Option<Overlap> {
        if self.bucket != other.bucket {
            return None;
        }
        match (other.names.starts_with(&self.names), self.names.starts_with(&other.names)) {
            (true, true) => Some(Overlap::Same),
            (true, false) => Some(Overlap::Within),
            (false, true) => Some(Overlap::Around),
            (false, false) => None,
        }
    }
}

/// The place of a path, whether it exists or not.
pub(crate) fn in_folder(path: &Path) -> Location {
    // Without `.` and doubled slashes. `..` stays for the file system: behind a link it leads elsewhere than it seems.
    let spelling: PathBuf = path.components().collect();
    let names = followed(path).components().map(|name| name.as_os_str().to_string_lossy().into_owned()).collect();
    Location { spelling: spelling.to_string_lossy().into_owned(), bucket: None, names }
}

/// Follows the links of the part that exists.
fn followed(path: &Path) -> PathBuf {
    let mut real = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            // What came before has been followed, so this is the parent that the file system knows.
            Component::ParentDir => {
                real.pop();
            }
            other => {
                real.push(other);
                if let Ok(target) = real.canonicalize() {
                    real = target;
                }
            }
        }
    }
    real
}

fn in_file_url(text: &str) -> Result<Location, Misplaced> {
    let remedy = "such as `file:///lake/tables/orders`: three slashes, and the whole path; or give a folder";
    let url = Url::parse(text).map_err(|error| invalid(format!("`{text}` is not a URL: {error}"), remedy))?;
    require_bare(&url, remedy)?;
    match url.to_file_path() {
        Ok(path) if url.host_str().is_none() => Ok(in_folder(&path)),
        _ => Err(invalid(format!("`{text}` names a host, or no whole path"), remedy)),
    }
}

fn in_bucket(text: &str) -> Result<Location, Misplaced> {
    let remedy = "such as `s3://lake/tables/orders`: a bucket and a prefix";
    let not_a_url = |why: &str| invalid(format!("not the URL of a prefix in a bucket: {why}"), remedy);
    let url = Url::parse(text).map_err(|error| not_a_url(&error.to_string()))?;
    require_bare(&url, remedy)?;
    let bucket =
        url.host_str().filter(|bucket| !bucket.is_empty()).ok_or_else(|| not_a_url("the bucket is missing"))?;
    let key = decoded(url.path()).ok_or_else(|| not_a_url("its percent-encoding is not UTF-8"))?;
    let names: Vec<String> = key.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    if names.iter().any(|name| [".", ".."].contains(&name.as_str())) {
        return Err(not_a_url("`.` and `..` mean nothing in a bucket"));
    }
    let mut spelling = Url::parse(&format!("s3://{bucket}")).map_err(|error| not_a_url(&error.to_string()))?;
    if let Ok(mut path) = spelling.path_segments_mut() {
        path.extend(&names);
    }
    let spelling = spelling.as_str().trim_end_matches('/').to_owned();
    Ok(Location { spelling, bucket: Some(bucket.to_owned()), names })
}

/// A part that would be ignored must not make two places of one, and credentials must not stand here.
fn require_bare(url: &Url, remedy: &str) -> Result<(), Misplaced> {
    let surplus = [
        ("credentials", !url.username().is_empty() || url.password().is_some()),
        ("a port", url.port().is_some()),
        ("a `?`, which a path contains as `%3F`", url.query().is_some()),
        ("a `#`, which a path contains as `%23`", url.fragment().is_some()),
    ];
    match surplus.into_iter().find(|(_, is_there)| *is_there) {
        Some((what, _)) => Err(invalid(format!("the URL contains {what}"), remedy)),
        None => Ok(()),
    }
}

/// Decodes `%20` and the like; none if the result is not UTF-8.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, more)) = rest.split_first() {
        let code = (first == b'%').then(|| more.get(..2)).flatten();
        let code = code.and_then(|code| u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok());
        bytes.push(code.unwrap_or(first));
        rest = if code.is_some() { more.get(2..).unwrap_or_default() } else { more };
    }
    String::from_utf8(bytes).ok()
}

fn invalid(message: String, remedy: &str) -> Misplaced {
    Misplaced { code: "E0106", message, remedy: remedy.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, folder: &Path) -> Location {
        Location::read(text, folder, "table").unwrap()
    }

    #[test]
    fn one_place_is_one_place_however_it_is_spelt() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("a/b")).unwrap();
        std::os::unix::fs::symlink("a", folder.path().join("link")).unwrap();
        std::os::unix::fs::symlink("a/b", folder.path().join("deep")).unwrap();
        let url = format!("file://{}/%61/t/", folder.path().display());
        let absolute = format!("{}/a/t", folder.path().display());
        let place = read("a/t", folder.path());
        for same in
            ["./a/t", "a//t", "a/t/", "a/./t", "a/../a/t", "none/../a/t", "link/t", "deep/../t", &url, &absolute]
        {
            assert_eq!(read(same, folder.path()).overlap(&place), Some(Overlap::Same), "{same}");
        }
        for (other, overlap) in [
            ("a", Some(Overlap::Around)),
            ("link", Some(Overlap::Around)),
            ("a/t/dead", Some(Overlap::Within)),
            ("a/tt", None),
            ("t", None),
            ("deep/../../t", None),
            ("A/t", None),
        ] {
            assert_eq!(place.overlap(&read(other, folder.path())), overlap, "{other}");
        }
        assert_eq!(read(&url, folder.path()).spelling, absolute, "a URL is a path for every command");
    }

    #[test]
    fn the_same_holds_in_a_bucket() {
        let place = read("s3://lake/my table/t", Path::new("/"));
        assert_eq!(place.spelling, "s3://lake/my%20table/t");
        for same in [
            "s3://lake/my%20table/t",
            "s3://lake//my table//t/",
            "s3://lake/x/../my%20table/./%74",
            "s3://lake/my%20table%2Ft",
        ] {
            let other = read(same, Path::new("/"));
            assert_eq!(other, place, "{same}");
        }
        for other in ["s3://lake2/my table/t", "s3://lake/my%2520table/t", "s3://lake/My table/t", "/my table/t"] {
            assert_eq!(read(other, Path::new("/")).overlap(&place), None, "{other}");
        }
        assert_eq!(read("s3://lake", Path::new("/")).overlap(&place), Some(Overlap::Within));
        assert_eq!(read("s3://lake/100%25", Path::new("/")).spelling, "s3://lake/100%25");
    }

    #[test]
    fn what_would_be_ignored_or_misread_is_refused() {
        for (text, words) in [
            ("", "empty"),
            (" tables/t", "space"),
            ("tables/t\n", "control"),
            ("s3:/lake/t", "s3://"),
            ("file:/lake/t", "file://"),
            ("file://tables/t", "host"),
            ("s3://", "bucket is missing"),
            ("s3:///t", "bucket is missing"),
            ("s3://lake/t?x=1", "`?`"),
            ("s3://lake/t#x", "`#`"),
            ("s3://lake:9000/t", "port"),
            ("s3://key:secret@lake/t", "credentials"),
            ("s3://lake/%ff", "UTF-8"),
            ("~/lake", "shell"),
            ("$HOME/lake", "shell"),
            ("s3a://lake/t", "not supported"),
            ("gs://lake/t", "not supported"),
        ] {
            let refused = Location::read(text, Path::new("/"), "table").unwrap_err();
            let said = format!("{} {}", refused.message, refused.remedy);
            assert!(said.contains(words), "{text}: {said}");
            assert!(!said.contains("secret"), "{said}");
        }
    }
}
