//! Tells a store that refuses from a store that is down. Only the second recovers by itself; the first needs an operator, who is
//! told here what to do. Reads the errors of the stores, and knows no table.

use std::error::Error;
use std::fmt;
use std::io::ErrorKind as Io;

use deltalake::DeltaTableError;
use sluicebox_ledger::ErrorKind;

/// Why a store refuses, until an operator changes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreRefusal {
    /// The process may not do this here.
    Denied,
    /// The store does not know the credentials, or they have expired, or there are none.
    Credentials,
    /// The clock of this machine is wrong.
    Clock,
    /// There is no such bucket.
    Bucket,
    /// The bucket is in another region.
    Region,
    /// The file system is mounted read-only.
    ReadOnly,
    /// A file stands where a folder is needed.
    NotAFolder,
    /// The settings of the store make no sense.
    Settings,
}

impl StoreRefusal {
    /// Who can mend it. Permissions and credentials may be on their way (a rotation, a new policy): a running pipeline tries
    /// for a while.
    pub fn kind(self) -> ErrorKind {
        match self {
            Self::Denied | Self::Credentials | Self::Clock | Self::ReadOnly => ErrorKind::Refused,
            Self::Bucket | Self::Region | Self::NotAFolder | Self::Settings => ErrorKind::Configuration,
        }
    }

    /// What to do.
    fn advice(self) -> &'static str {
        match self {
            Self::Denied => {
                "the store denies it: give this process the right to list, read, write and delete there (docs/s3.md lists the \
                 IAM actions)"
            }
            Self::Credentials => {
                "the store does not accept the credentials: they are missing, wrong or expired; look at AWS_PROFILE, \
                 AWS_ACCESS_KEY_ID, AWS_SESSION_TOKEN and the role of this process"
            }
            Self::Clock => "the store does not accept the time of this machine: set its clock",
            Self::Bucket => "there is no such bucket: create it, or correct the bucket in the path or `s3.endpoint`",
            Self::Region => "the bucket is in another region: set `s3.region`, or AWS_REGION",
            Self::ReadOnly => "the file system is mounted read-only: mount it for writing, or name another folder",
            Self::NotAFolder => "a file stands where a folder is needed: name another folder, or remove the file",
            Self::Settings => "correct or remove it",
        }
    }
}

impl fmt::Display for StoreRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.advice())
    }
}

/// An environment variable or a setting that says how to reach a store makes no sense. Never quotes it.
#[derive(Debug, thiserror::Error)]
#[error("{name} {why}")]
pub(crate) struct BadAccess {
    pub(crate) name: String,
    pub(crate) why: &'static str,
}

/// The store's own error codes in the body of its answer. The status alone does not tell them apart.
const CODES: [(&str, StoreRefusal); 13] = [
    ("NoSuchBucket", StoreRefusal::Bucket),
    ("InvalidBucketName", StoreRefusal::Bucket),
    ("AuthorizationHeaderMalformed", StoreRefusal::Region),
    ("PermanentRedirect", StoreRefusal::Region),
    ("IllegalLocationConstraintException", StoreRefusal::Region),
    ("InvalidAccessKeyId", StoreRefusal::Credentials),
    ("SignatureDoesNotMatch", StoreRefusal::Credentials),
    ("ExpiredToken", StoreRefusal::Credentials),
    ("InvalidToken", StoreRefusal::Credentials),
    ("InvalidClientTokenId", StoreRefusal::Credentials),
    ("RequestTimeTooSkewed", StoreRefusal::Clock),
    ("AccessDenied", StoreRefusal::Denied),
    ("AllAccessDisabled", StoreRefusal::Denied),
];

/// Why the store refuses, if it does; none: it is down, or the error has nothing to do with it.
pub(crate) fn refusal(error: &(dyn Error + 'static)) -> Option<StoreRefusal> {
    if let Some(error) = error.downcast_ref::<object_store::Error>() {
        return of_objects(error);
    }
    if let Some(error) = error.downcast_ref::<std::io::Error>() {
        // An error of a library may travel as the inner error of one of the operating system's.
        let inner = error.get_ref().map(|inner| inner as &(dyn Error + 'static));
        return of_files(error.kind()).or_else(|| refusal(inner?));
    }
    if error.is::<BadAccess>() {
        return Some(StoreRefusal::Settings);
    }
    // These errors do not name their cause as their `source`.
    if let Some(error) = error.downcast_ref::<delta_kernel::Error>() {
        match error {
            delta_kernel::Error::ObjectStore(error) => return of_objects(error),
            delta_kernel::Error::IOError(error) => return refusal(error),
            delta_kernel::Error::Backtraced { source, .. } => return refusal(source.as_ref()),
            _ => {}
        }
    }
    if let Some(DeltaTableError::KernelError(error)) = error.downcast_ref::<DeltaTableError>() {
        return refusal(error);
    }
    error.source().and_then(refusal)
}

/// What the store says, in one line: the code and the message of its answer if it has them, and else the innermost cause.
pub(crate) fn words(error: &(dyn Error + 'static)) -> String {
    let (mut said, mut innermost) = (error.to_string(), error);
    while let Some(cause) = innermost.source() {
        innermost = cause;
        said.push_str(&format!(" {cause}"));
    }
    let within = |tag: &str| {
        let (_, rest) = said.split_once(&format!("<{tag}>"))?;
        Some(rest.split_once(&format!("</{tag}>"))?.0.to_owned())
    };
    match (within("Code"), within("Message")) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code,
        _ => innermost.to_string().split_whitespace().collect::<Vec<_>>().join(" "),
    }
}

fn of_objects(error: &object_store::Error) -> Option<StoreRefusal> {
    use object_store::Error::{Generic, NotFound, PermissionDenied, Unauthenticated};
    let said = match error {
        Generic { .. } | NotFound { .. } | PermissionDenied { .. } | Unauthenticated { .. } => error.to_string(),
        _ => return None,
    };
    let code = CODES.iter().find(|(code, _)| said.contains(&format!("<Code>{code}</Code>")));
    match (code, error) {
        (Some((_, refusal)), _) => Some(*refusal),
        // S3's answer for a bucket elsewhere has no address that the client could follow.
        (None, Generic { .. }) if said.contains("redirect without LOCATION") => Some(StoreRefusal::Region),
        // A HEAD has no body.
        (None, PermissionDenied { .. }) => Some(StoreRefusal::Denied),
        (None, Unauthenticated { .. }) => Some(StoreRefusal::Credentials),
        (None, NotFound { .. }) => None,
        (None, error) => error.source().and_then(refusal),
    }
}

/// A full disk is not among them: files go, and the walk goes on by itself.
fn of_files(kind: Io) -> Option<StoreRefusal> {
    match kind {
        Io::PermissionDenied => Some(StoreRefusal::Denied),
        Io::ReadOnlyFilesystem => Some(StoreRefusal::ReadOnly),
        Io::NotADirectory => Some(StoreRefusal::NotAFolder),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: &str, code: &str) -> DeltaTableError {
        let body = format!("Server returned non-2xx status code: {status}: <Error><Code>{code}</Code></Error>");
        let source: Box<dyn Error + Send + Sync> = body.into();
        let path = "t/_delta_log".to_owned();
        DeltaTableError::from(match status {
            "403" => object_store::Error::PermissionDenied { path, source },
            "401" => object_store::Error::Unauthenticated { path, source },
            "404" => object_store::Error::NotFound { path, source },
            _ => object_store::Error::Generic { store: "S3", source },
        })
    }

    fn io(kind: Io) -> DeltaTableError {
        DeltaTableError::from(std::io::Error::from(kind))
    }

    #[test]
    fn what_an_operator_has_to_mend_is_told_from_what_passes() {
        for (error, expected) in [
            (answered("403", "AccessDenied"), Some(StoreRefusal::Denied)),
            (answered("403", "SomethingNew"), Some(StoreRefusal::Denied)),
            (answered("403", "InvalidAccessKeyId"), Some(StoreRefusal::Credentials)),
            (answered("403", "SignatureDoesNotMatch"), Some(StoreRefusal::Credentials)),
            (answered("400", "ExpiredToken"), Some(StoreRefusal::Credentials)),
            (answered("401", "Unauthorized"), Some(StoreRefusal::Credentials)),
            (answered("403", "RequestTimeTooSkewed"), Some(StoreRefusal::Clock)),
            (answered("400", "AuthorizationHeaderMalformed"), Some(StoreRefusal::Region)),
            (answered("301", "PermanentRedirect"), Some(StoreRefusal::Region)),
            (answered("404", "NoSuchBucket"), Some(StoreRefusal::Bucket)),
            (answered("404", "NoSuchKey"), None),
            (answered("503", "SlowDown"), None),
            (answered("500", "InternalError"), None),
            (answered("Received redirect without LOCATION", ""), Some(StoreRefusal::Region)),
            (io(Io::PermissionDenied), Some(StoreRefusal::Denied)),
            (io(Io::ReadOnlyFilesystem), Some(StoreRefusal::ReadOnly)),
            (io(Io::NotADirectory), Some(StoreRefusal::NotAFolder)),
            (io(Io::StorageFull), None),
            (io(Io::TimedOut), None),
            (io(Io::ConnectionRefused), None),
            (DeltaTableError::generic("<Code>AccessDenied</Code> in a text of ours"), None),
        ] {
            assert_eq!(refusal(&error), expected, "{error}");
        }
    }

    #[test]
    fn an_error_is_found_within_those_that_wrap_it() {
        let denied = || object_store::Error::PermissionDenied { path: "t".to_owned(), source: "no".into() };
        let kernel = delta_kernel::Error::ObjectStore(denied());
        assert_eq!(refusal(&DeltaTableError::KernelError(kernel)), Some(StoreRefusal::Denied));
        let local =
            object_store::Error::Generic { store: "Local", source: Box::new(std::io::Error::from(Io::NotADirectory)) };
        assert_eq!(refusal(&DeltaTableError::from(local)), Some(StoreRefusal::NotAFolder));
        let inner = std::io::Error::other(denied());
        assert_eq!(refusal(&inner), Some(StoreRefusal::Denied));
    }
}
