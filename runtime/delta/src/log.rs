//! The types of a loaded table and its log, for readers such as the audit. They are deltalake's own, re-exported so that
//! no other crate depends on deltalake.

pub use deltalake::kernel::{Add, Remove};
pub use deltalake::logstore::LogStoreRef;
pub use deltalake::{DeltaResult, DeltaTable, DeltaTableError, Path};
