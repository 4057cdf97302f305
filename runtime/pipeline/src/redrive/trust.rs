//! Which transforms of the archive may judge. The archive lies beside the dead letters: everyone who can write there can put a
//! transform into it and claim letters for it, so where the pipeline asks for signatures, they decide. Does not know keys.

use std::future::{Future, ready};
use std::pin::Pin;

use sluicebox_sandbox::{Digest, Limits};

use crate::error::PipelineError;

/// An answer on its way: yes; [`PipelineError::Distrust`] for no; or another error if it cannot be had now.
pub type Answer<'a> = Pin<Box<dyn Future<Output = Result<(), PipelineError>> + Send + 'a>>;

/// Decides which transforms may judge.
pub trait Trust: Sync {
    /// Whether the transform with this digest may judge.
    fn may_judge<'a>(&'a self, digest: &'a Digest) -> Answer<'a>;
}

/// For a pipeline that asks for no signatures: all may judge.
#[derive(Debug, Clone, Copy)]
pub struct TrustAll;

impl Trust for TrustAll {
    fn may_judge<'a>(&'a self, _digest: &'a Digest) -> Answer<'a> {
        Box::pin(ready(Ok(())))
    }
}

/// Checks that limits which a table names are not above the pipeline's own: a letter or a claim must not grant a transform
/// more than the operator does.
///
/// # Errors
/// Names the first limit that is.
pub fn require_within(named: &Limits, own: &Limits) -> Result<(), String> {
    match named.above(own) {
        None => Ok(()),
        Some(field) => Err(format!(
            "it was judged with a `transform.limits.{field}` above that of the pipeline: raise the pipeline's to allow it"
        )),
    }
}
