//! SIGINT, SIGTERM and SIGHUP: the first asks the program to stop where nothing is lost, the second ends the process.

use std::io::{self, Write};
use std::sync::atomic::AtomicBool;

use crate::base::stop;
use crate::{Error, Result};

/// Catches the signals; the returned flag becomes true at the first one, and [`stop::check`] fails. The process calls
/// this once.
///
/// # Errors
/// [`Error::Io`] when the handler cannot be installed.
pub fn catch() -> Result<&'static AtomicBool> {
    let handler = || {
        if stop::request() {
            std::process::exit(130);
        }
        let _ = writeln!(io::stderr(), "weaklabel: stopping where nothing is lost; a second signal stops at once");
    };
    ctrlc::set_handler(handler).map_err(|e| Error::io("catch", "signals", io::Error::other(e)))?;
    Ok(stop::flag())
}
