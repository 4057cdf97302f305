//! What only AWS has, for a pipeline that knows nothing of it: who we are, and what S3 does not show in a listing.
//!
//! - `credentials`: from wherever the AWS tools would look (environment, profiles, SSO, processes, web identity, container,
//!   instance), kept until shortly before they expire;
//! - `buckets`: the same for the pipeline's store;
//! - [`renewed`]: tokens that are made anew ahead of their expiry, by a task of their own;
//! - `msk`: such tokens for Amazon MSK with IAM access control;
//! - `uploads`: multipart uploads that nobody finished.
//!
//! Without the features `chain` and `msk-iam` the SDK is left out, for a small function: buckets are reached with what the
//! environment says, which is all that Lambda gives.

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
