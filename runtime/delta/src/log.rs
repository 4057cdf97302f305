//! A loaded table and its log, for readers such as the audit: the library's own types, under this crate's name, so that no
//! other crate depends on the library.

pub use deltalake::kernel::{Add, Remove};
pub use deltalake::logstore::LogStoreRef;
pub use deltalake::{DeltaResult, DeltaTable, DeltaTableError, Path};
