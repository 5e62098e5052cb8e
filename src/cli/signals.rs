//! SIGINT, SIGTERM and SIGHUP: the first asks the run to stop at its next checkpoint, the second ends the process.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::{Error, Result};

static STOP: AtomicBool = AtomicBool::new(false);

/// Catches the signals from now on; the returned flag becomes true at the first one. Call it once.
///
/// # Errors
/// [`Error::Io`] when the handler cannot be installed.
pub fn catch() -> Result<&'static AtomicBool> {
    let handler = || {
        if STOP.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
        let _ = writeln!(io::stderr(), "weaklabel: stopping at the next checkpoint; a second signal stops at once");
    };
    ctrlc::set_handler(handler).map_err(|e| Error::io("catch", "signals", io::Error::other(e)))?;
    Ok(&STOP)
}
