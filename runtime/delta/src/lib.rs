//! Delta tables: opened or created, filled with Parquet files that no reader sees yet ([`table`]), made visible in one atomic
//! commit together with the ledger ([`commit`], where the walk commits) or under a transaction of its own ([`amend`], where
//! redrives commit; nothing else commits). The dead-letter table ([`dead_letter`]) is one of them.
//!
//! The only crate that knows `deltalake`. It knows no Kafka, no walk, and nothing about how transforms are rolled out.

pub mod amend;
mod columns;
pub mod commit;
pub mod dead_letter;
pub mod decode;
mod encoding;
mod error;
mod files;
mod gather;
mod json_rows;
pub mod log;
pub mod metrics;
pub mod parquet_file;
pub mod shape;
mod staging_age;
pub mod store;
pub mod table;
mod transactions;

pub use amend::{Once, Replaced};
pub use decode::{DecodedRows, RowDecoder};
pub use error::TableError;
pub use files::DataFile;
pub use shape::Shape;
pub use staging_age::STAGED_AGE_MAX;
pub use table::Table;
