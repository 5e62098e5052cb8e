//! Killed processes, full disks and damaged files: the result is the same as without the fault, or an error names what
//! is damaged.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "what a test cannot unwrap fails it")]

mod support;

mod crash {
    mod damaged;
    mod full;
    mod killed;
    mod kills;
    mod place;
}
