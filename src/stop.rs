//! Whether the process was asked to end, by a signal. Long work asks between its steps and ends there, with whole files
//! behind it.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::{Error, Result};

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// Asks the process to end; whether it was asked before.
pub fn request() -> bool {
    REQUESTED.swap(true, Ordering::SeqCst)
}

/// True once the process was asked to end.
pub fn flag() -> &'static AtomicBool {
    &REQUESTED
}

/// Ends work that keeps nothing for another time.
///
/// # Errors
/// [`Error::Stopped`] once the process was asked to end.
pub fn check() -> Result<()> {
    if REQUESTED.load(Ordering::SeqCst) { Err(Error::Stopped) } else { Ok(()) }
}
