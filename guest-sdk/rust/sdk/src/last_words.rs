//! A panic's message, its place and the record that was at work reach the host before the guest traps. So the host can
//! reject that one record at once, instead of searching for it.

use std::cell::Cell;

thread_local! {
    static RECORD: Cell<Option<u32>> = const { Cell::new(None) };
}

/// Remembers which record of the batch is at work.
#[inline]
pub(crate) fn working_on(record: Option<u32>) {
    RECORD.set(record);
}

/// From now on a panic is told to the host.
#[cfg(target_arch = "wasm32")]
pub(crate) fn listen() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|panic| {
            let message = panic.payload_as_str().unwrap_or("a panic without a message");
            let place = panic.location().map(|place| format!(" at {place}")).unwrap_or_default();
            crate::guest::last_words(&format!("{message}{place}"), RECORD.get());
        }));
    });
}
