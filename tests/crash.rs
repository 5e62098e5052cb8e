//! Processes that are killed, disks that are full, files that are damaged: what comes out is what would have come out, or what
//! is damaged is named.

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
