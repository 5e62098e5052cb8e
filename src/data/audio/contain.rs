//! Containing panics of a decoder: a panic becomes an error about the file.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    /// Whether this thread runs a decoder whose panics are caught.
    static IS_DECODING: Cell<bool> = const { Cell::new(false) };
}

/// Runs `decode` and returns an error if it panics.
///
/// Symphonia can overflow or divide by zero if headers are wrong although their checksum is right. One such file must
/// not end a run. The panic is not printed to stderr either, because the caller reports the file and a backtrace would
/// only alarm.
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
    // Unwind safety: no state that the decoder has changed is used after a panic.
    let outcome = panic::catch_unwind(AssertUnwindSafe(decode));
    IS_DECODING.set(false);
    outcome.unwrap_or_else(|_| Err("damaged: its headers make the decoder fail".into()))
}
