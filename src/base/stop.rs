//! Requests to end the process, by a signal or because its time is up. Long work checks for them between its steps and
//! ends there, with complete files.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::{Error, Result};

static REQUESTED: AtomicBool = AtomicBool::new(false);
static DEADLINE: OnceLock<Instant> = OnceLock::new();

/// Requests the end of the process. Returns whether it was requested before.
pub fn request() -> bool {
    REQUESTED.swap(true, Ordering::SeqCst)
}

/// Makes [`check`] fail from `deadline` on. Later calls have no effect. The deadline does not count as a signal, so the
/// next signal is still the first.
pub fn request_at(deadline: Instant) {
    DEADLINE.get_or_init(|| deadline);
}

/// Returns the flag that [`request`] sets.
pub fn flag() -> &'static AtomicBool {
    &REQUESTED
}

/// Ends work that cannot be resumed if a stop was requested.
///
/// # Errors
/// [`Error::Stopped`] once the process was asked to end or its time is up.
pub fn check() -> Result<()> {
    let is_late = DEADLINE.get().is_some_and(|deadline| Instant::now() >= *deadline);
    if is_late || REQUESTED.load(Ordering::SeqCst) { Err(Error::Stopped) } else { Ok(()) }
}
