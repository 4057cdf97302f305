//! A line of a log entry, as far as a head has to know it. Pure.

use deltalake::kernel::{Metadata, Protocol, Transaction};
use serde::Deserialize;

/// The actions of a log entry that concern a head. The others, `add` above all, are skipped unread.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LogLine {
    pub(crate) txn: Option<Transaction>,
    pub(crate) meta_data: Option<Metadata>,
    pub(crate) protocol: Option<Protocol>,
    pub(crate) domain_metadata: Option<Domain>,
}

#[derive(Deserialize)]
pub(crate) struct Domain {
    pub(crate) domain: String,
    #[serde(default)]
    pub(crate) removed: bool,
}
