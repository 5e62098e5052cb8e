//! Panics of a decoder become a reason to refuse the file.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    /// Whether this thread is inside a decoder whose panics are caught.
    static IS_DECODING: Cell<bool> = const { Cell::new(false) };
}

/// Runs `decode` and refuses the file if it panics.
///
/// Symphonia can overflow or divide by zero on headers that are wrong although their checksum is right; one such file must
/// not end a run. Nor is the panic reported on stderr: the caller names the file, and a backtrace would only alarm.
pub(super) fn panics<T>(decode: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !IS_DECODING.get() {
                report(panic);
            }
        }));
    });
    IS_DECODING.set(true);
    // Nothing that the decoder has touched is used again after a panic.
    let outcome = panic::catch_unwind(AssertUnwindSafe(decode));
    IS_DECODING.set(false);
    outcome.unwrap_or_else(|_| Err("damaged: its headers make the decoder fail".into()))
}
