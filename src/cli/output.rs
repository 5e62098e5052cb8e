//! Results on stdout: text for people, whose control characters are escaped, and data for programs, to the byte.
//! `println!` would panic when the reader has ended; here a closed stdout is an error like any other.

use std::io::{self, ErrorKind, Write};

use serde::Serialize;

use crate::base::printable;
use crate::{Error, Result};

/// Writes `text` for people to stdout; see [`printable::lines`].
///
/// # Errors
/// The errors of [`print_data`].
pub fn print(text: &str) -> Result<()> {
    print_data(&printable::lines(text))
}

/// Writes `text` for programs to stdout as it is.
///
/// # Errors
/// [`Error::Io`] when stdout is closed or full; see [`is_broken_pipe`].
pub fn print_data(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|e| Error::io("write", "standard output", e))
}

/// Writes `value` to stdout as one line of JSON.
///
/// # Errors
/// The errors of [`print_data`].
pub fn print_json(value: &impl Serialize) -> Result<()> {
    let line = serde_json::to_string(value).map_err(|e| Error::io("write", "standard output", e.into()))?;
    print_data(&(printable::json(&line) + "\n"))
}

/// Whether `error` means that nobody reads stdout any more (`weaklabel … | head`), which is no failure.
pub fn is_broken_pipe(error: &Error) -> bool {
    matches!(error, Error::Io { source, .. } if source.kind() == ErrorKind::BrokenPipe)
}
