//! Which planted bug is active in this process: the one that `SLUICEBOX_PLANTED_BUG` names, or none. The patches beside this
//! crate ask it. It knows no bug.

use std::sync::LazyLock;

static ACTIVE: LazyLock<Option<String>> = LazyLock::new(|| std::env::var("SLUICEBOX_PLANTED_BUG").ok());

/// Whether this bug is the active one.
pub fn is(bug: &str) -> bool {
    ACTIVE.as_deref() == Some(bug)
}
