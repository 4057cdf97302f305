//! How the walk takes partitions over, gives them up, and goes back: always through the ledger, and never with anything
//! staged that was compared with an older one.

use tracing::warn;

use crate::error::{ErrorKind, PipelineError};
use crate::position::TopicPartition;
use crate::source::{Source, Starts};
use crate::walk::{Unflushed, Walk};

impl<S: Source> Walk<S> {
    /// Reads the ledgers of partitions that wait to be started, and starts each at the smallest.
    pub(crate) async fn take_over(&mut self) -> Result<(), PipelineError> {
        if self.awaiting.is_empty() {
            return Ok(());
        }
        self.flush().await?;
        self.tables.read_ledgers(&self.awaiting).await?;
        self.dead_letters.table.read_ledger(&self.awaiting).await?;
        let start = |partition: &TopicPartition| (partition.clone(), self.next_offset(partition));
        let starts: Starts = self.awaiting.iter().map(start).collect();
        self.source.start(&starts).await?;
        self.awaiting.clear();
        // A commit of advisory offsets may have been lost in the rebalance; an idle partition would show a lag for ever.
        let known = starts.into_iter().filter_map(|(partition, next)| Some((partition, next?)));
        self.source.ack(&known.collect());
        Ok(())
    }

    /// Finishes what is in flight before the group gives `partitions` to another worker. If they are lost already, or
    /// the flush fails, everything staged is dropped: the ledger refuses it anyway.
    pub(crate) async fn give_up(&mut self, partitions: &[TopicPartition], lost: bool) -> Result<(), PipelineError> {
        let flushed = if lost { Ok(()) } else { self.flush().await };
        self.source.release(partitions)?;
        self.awaiting.retain(|partition| !partitions.contains(partition));
        self.tables.forget(partitions);
        self.dead_letters.table.forget(partitions);
        match flushed {
            Err(error) if matches!(error.kind(), ErrorKind::Configuration | ErrorKind::Stop) => return Err(error),
            Err(error) => {
                warn!(%error, "could not flush before a rebalance; whoever takes over starts at the ledger");
                self.rewind();
            }
            // Records that have not been taken in yet may be of the partitions that are gone.
            Ok(()) if lost || !self.intake.is_empty() => self.rewind(),
            Ok(()) => {}
        }
        Ok(())
    }

    /// Drops what is staged; all partitions start again from their ledgers, read anew.
    pub(crate) fn rewind(&mut self) {
        self.tables.abandon();
        self.dead_letters.table.abandon();
        self.intake.clear();
        self.unflushed = Unflushed::default();
        let mut partitions = self.source.partitions();
        partitions.append(&mut self.awaiting);
        partitions.sort_unstable();
        partitions.dedup();
        self.awaiting = partitions;
    }
}
