//! Whether the process is to end: by a signal, or because its time is up. Long work asks between its steps and ends there, with
//! whole files behind it.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::{Error, Result};

static REQUESTED: AtomicBool = AtomicBool::new(false);
static DEADLINE: OnceLock<Instant> = OnceLock::new();

/// Asks the process to end; whether it was asked before.
pub fn request() -> bool {
    REQUESTED.swap(true, Ordering::SeqCst)
}

/// Makes [`check`] fail from `deadline` on; the first deadline counts. A signal after it is still the first signal.
pub fn request_at(deadline: Instant) {
    DEADLINE.get_or_init(|| deadline);
}

/// True once the process was asked to end.
pub fn flag() -> &'static AtomicBool {
    &REQUESTED
}

/// Ends work that keeps nothing for another time.
///
/// # Errors
/// [`Error::Stopped`] once the process was asked to end or its time is up.
pub fn check() -> Result<()> {
    let is_late = DEADLINE.get().is_some_and(|deadline| Instant::now() >= *deadline);
    if is_late || REQUESTED.load(Ordering::SeqCst) { Err(Error::Stopped) } else { Ok(()) }
}
