//! The files that are being written at the same time, one a partition, within a bound of memory: when they are over it, some
//! are finished early, and a later row of their partition begins another file.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use arrow::array::RecordBatch;
use deltalake::kernel::Add;
use parquet::errors::ParquetError;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::WriteError;
use super::file::{File, Layout, PartitionValues};

/// What the files may take in memory, as far as that can be bounded without finishing the last one.
const MEMORY_MAX: usize = 40 << 20;
/// Files that may be open.
const OPEN_MAX: usize = 256;
/// Files that may be finished at the same time: each waits for the store.
const FINISHING_MAX: usize = 8;

/// A partition's values in a form that can be compared.
pub(super) type Key = Box<[u8]>;

struct Finished {
    number: u64,
    memory: usize,
    add: Result<Add, WriteError>,
}

struct Open {
    number: u64,
    file: File,
    memory: usize,
}

/// The files since the last [`Files::finish`].
pub(super) struct Files {
    layout: Arc<Layout>,
    open: HashMap<Key, Open>,
    finishing: JoinSet<Finished>,
    finished: Vec<(u64, Add)>,
    created: u64,
    /// Of open files and of those that are being finished.
    memory: usize,
}

impl Files {
    pub(super) fn new(layout: Arc<Layout>) -> Self {
        Self { layout, open: HashMap::new(), finishing: JoinSet::new(), finished: Vec::new(), created: 0, memory: 0 }
    }

    /// Writes rows of one partition.
    pub(super) async fn write(
        &mut self,
        key: Key,
        partition: PartitionValues,
        rows: &RecordBatch,
    ) -> Result<(), WriteError> {
        let open = match self.open.entry(key) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let file = File::create(&self.layout, partition, self.created)?;
                let number = self.created;
                self.created += 1;
                entry.insert(Open { number, file, memory: 0 })
            }
        };
        open.file.write(rows).await?;
        let memory = open.file.memory();
        self.memory = self.memory - open.memory + memory;
        open.memory = memory;
        self.shrink().await
    }

    /// Finishes files until the bounds hold.
    async fn shrink(&mut self) -> Result<(), WriteError> {
        while self.open.len() > OPEN_MAX {
            // The smallest, because a partition that is rare will hardly come again.
            let smallest = self.open.iter().min_by_key(|(_, open)| open.file.rows()).map(|(key, _)| key.clone());
            self.begin_finish(smallest).await?;
        }
        // The last open file stays: to finish it would only begin another, and the table would get many small files.
        while self.memory > MEMORY_MAX && (self.open.len() > 1 || !self.finishing.is_empty()) {
            match self.finishing.is_empty() {
                // Memory on its way out comes first: to begin another finish would make one more small file than is
                // needed.
                false => self.join().await?,
                true => {
                    let largest = self.open.iter().max_by_key(|(_, open)| open.memory).map(|(key, _)| key.clone());
                    self.begin_finish(largest).await?;
                }
            }
        }
        Ok(())
    }

    async fn begin_finish(&mut self, key: Option<Key>) -> Result<(), WriteError> {
        while self.finishing.len() >= FINISHING_MAX {
            self.join().await?;
        }
        if let Some(Open { number, file, memory }) = key.and_then(|key| self.open.remove(&key)) {
            self.finishing.spawn(async move { Finished { number, memory, add: file.finish().await } });
        }
        Ok(())
    }

    /// Waits for a file that is being finished.
    async fn join(&mut self) -> Result<(), WriteError> {
        let Some(ended) = self.finishing.join_next().await else { return Ok(()) };
        let Finished { number, memory, add } = ended.map_err(|error| ParquetError::External(Box::new(error)))?;
        // Before `add?`: the file's memory is free even if it failed.
        self.memory = self.memory.saturating_sub(memory);
        self.finished.push((number, add?));
        Ok(())
    }

    /// Finishes all files. Returns their actions, in the order in which the files were begun.
    pub(super) async fn finish(&mut self) -> Result<Vec<Add>, WriteError> {
        let mut keys: Vec<(u64, Key)> = self.open.iter().map(|(key, open)| (open.number, key.clone())).collect();
        keys.sort_unstable();
        for (_, key) in keys {
            self.begin_finish(Some(key)).await?;
        }
        while !self.finishing.is_empty() {
            self.join().await?;
        }
        self.created = 0;
        self.memory = 0;
        let mut finished = std::mem::take(&mut self.finished);
        // They end in the order in which the store answers; the log entry must not depend on that (the simulation).
        finished.sort_unstable_by_key(|&(number, _)| number);
        Ok(finished.into_iter().map(|(_, add)| add).collect())
    }

    /// Forgets all files and aborts the unfinished ones in the background. Finished ones stay in the store.
    pub(super) fn abandon(&mut self) {
        let Self { open, mut finishing, .. } = std::mem::replace(self, Self::new(Arc::clone(&self.layout)));
        // To stop in the middle would leave parts behind, which nothing but the bucket's own rules would remove.
        finishing.detach_all();
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                for Open { file, .. } in open.into_values() {
                    file.abort().await;
                }
            });
        }
    }
}
