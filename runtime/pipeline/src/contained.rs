//! A library's panic as an error: it ends neither the process nor the walk.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use crate::error::PipelineError;

/// What is being done where something of a flush may be visible already.
pub(crate) const COMMITTING: &str = "committing";

/// The future's result, or [`PipelineError::Panicked`]. What the future has borrowed is in an unknown state after a panic, and
/// must be dropped or cleared; `doing` says what failed.
pub(crate) async fn contained<T>(
    doing: &'static str,
    future: impl Future<Output = Result<T, PipelineError>>,
) -> Result<T, PipelineError> {
    let mut future = pin!(future);
    std::future::poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        polled.unwrap_or(Poll::Ready(Err(PipelineError::Panicked(doing))))
    })
    .await
}
