//! How to walk: what a command decides, and what it wants to hear.

use std::sync::Arc;

use sluicebox_delta::dead_letter::Copies;
use sluicebox_ledger::Gap;
use tokio::sync::watch;

use crate::health::Health;
use crate::progress::Progress;
use crate::rollout::changes::Changes;

/// How to walk.
pub struct RunOptions {
    /// Stop at the end offsets that the topic had at the start.
    pub drain: bool,
    /// Losses that the operator has accepted.
    pub accepted_gaps: Vec<Gap>,
    /// Turns true when the walk is to flush and end.
    pub stop: watch::Receiver<bool>,
    /// Updated after each flush.
    pub progress: watch::Sender<Progress>,
    /// What the walk is doing, updated about once a second.
    pub health: watch::Sender<Health>,
    /// Where another transform may come from.
    pub changes: Changes,
    /// Where copies of dead letters go, besides their table.
    pub copies: Option<Arc<dyn Copies>>,
}
