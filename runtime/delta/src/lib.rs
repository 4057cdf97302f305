//! Delta tables. [`table`] opens or creates one and stages Parquet files that no reader sees yet. [`commit`] makes them
//! visible for the walk, in one atomic commit together with the ledger; [`amend`] does so for redrives, under a
//! transaction of its own. Nothing else commits. The dead-letter table ([`dead_letter`]) is a table like the others.
//!
//! The only crate that knows `deltalake`. It knows no Kafka, no walk, and nothing about how transforms are rolled out.

pub mod amend;
mod archive_error;
mod columns;
pub mod commit;
pub mod dead_letter;
pub mod decode;
mod encoding;
mod entry;
mod error;
mod features;
mod files;
mod folder;
mod gather;
mod head;
mod json_rows;
pub mod log;
mod log_cleanup;
mod log_line;
mod memory;
pub mod metrics;
mod open;
pub mod parquet_file;
mod schema_difference;
mod seen_entry;
pub mod shape;
mod staging_age;
pub mod store;
mod store_refusal;
pub mod table;
mod unfit;
mod upkeep;
mod wall_clock;
pub mod writer;

pub use amend::{Once, Replaced};
pub use decode::{DecodedRows, RowDecoder};
pub use error::TableError;
pub use features::Refusal;
pub use files::DataFile;
pub use schema_difference::SchemaDifference;
pub use shape::Shape;
pub use staging_age::STAGED_AGE_MAX;
pub use store_refusal::StoreRefusal;
pub use table::{Identity, Table};
pub use writer::{UnwritableValue, Writer};
