//! AWS for a pipeline that knows nothing of it: credentials, tokens for MSK, and unfinished uploads in S3.
//!
//! - `credentials`: from the sources of the AWS tools (environment, profiles, SSO, processes, web identity, container,
//!   instance), kept until shortly before they expire;
//! - `buckets`: these credentials for the pipeline's store;
//! - [`renewed`]: tokens that a background task renews before they expire;
//! - `msk`: such tokens for Amazon MSK with IAM access control;
//! - `uploads`: unfinished multipart uploads.
//!
//! Without the features `chain` and `msk-iam` the AWS SDK is left out, for a small function. Then the credentials come from
//! the environment variables, which Lambda sets. Knows no walk and no terminal.

mod buckets;
#[cfg(feature = "identity")]
mod credentials;
mod error;
#[cfg(feature = "msk-iam")]
mod msk;
pub mod renewed;
#[cfg(feature = "chain")]
pub mod uploads;

pub use buckets::{reach_bucket_of, reach_buckets};
#[cfg(feature = "identity")]
pub use credentials::{Chain, Kept};
pub use error::AwsError;
#[cfg(feature = "msk-iam")]
pub use msk::{token_source, tokens};
