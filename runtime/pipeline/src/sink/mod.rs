//! Delta tables: opened or created ([`table`]), filled with Parquet files that nobody sees yet ([`table`]), made visible
//! in one atomic commit with the ledger ([`commit`], where the walk commits) or under a transaction of its own ([`amend`],
//! where redrives do; nothing else commits). The dead-letter table is one of them.

pub(crate) mod amend;
mod columns;
pub mod commit;
pub mod decode;
mod encoding;
mod files;
mod freshness;
mod gather;
mod json_rows;
pub mod shape;
pub mod table;
pub mod tally;
mod transactions;

pub(crate) use amend::{Once, Replaced};
pub use decode::{DecodedRows, RowDecoder};
pub use files::DataFile;
pub use freshness::STAGED_AGE_MAX;
pub use shape::Shape;
pub use table::Table;
pub(crate) use tally::RedriveCounts;
pub use tally::{
    COMMIT_INFO_KEY, CommitRecord, PartitionTally, Redrive, RedrivePartition, RedrivePhase, RedriveRecord, Skip,
    SkipReason, Tally,
};
