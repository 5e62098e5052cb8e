//! The variables of the environment: one that is set and empty counts as not set, as scripts leave it that clear an option.

use std::ffi::OsString;

/// The value of variable `name`, if it is set and not empty.
pub fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
