//! Environment variables. A variable that is empty counts as unset, since scripts clear an option this way.

use std::ffi::OsString;

/// Returns the value of variable `name` if it is set and not empty.
pub fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
