//! Copies of dead letters for other readers, for example in a Kafka topic. Redrive and replay use the table, not the copies.

use std::fmt::Debug;

use sluicebox_ledger::{ClientError, Reason};
use sluicebox_sandbox::Batch;

use super::columns::JudgedBy;

/// Takes copies of dead letters, at least once each.
pub trait Copies: Debug + Send + Sync {
    /// Accepts the records of `batch` that `reasons` name; [`Self::flush`] confirms that they have arrived.
    ///
    /// # Errors
    /// The receiver is out of reach, or refuses.
    fn send(&self, judged_by: &JudgedBy, batch: &Batch, reasons: &[&Reason]) -> Result<(), ClientError>;

    /// Waits until all that was sent is durable.
    ///
    /// # Errors
    /// The receiver is out of reach, or refuses.
    fn flush(&self) -> Result<(), ClientError>;
}
