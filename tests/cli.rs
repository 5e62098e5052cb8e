//! The program from outside: exit codes, streams and messages.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "audio/constant_flac.rs"]
mod constant_flac;

mod cli {
    mod adapters;
    mod bench;
    mod config;
    mod environment;
    mod generate;
    mod help;
    mod names;
    mod predict;
    mod program;
    #[cfg(unix)]
    mod signals;
    mod status;
    mod streams;
    mod tune;
}
