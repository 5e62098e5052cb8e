//! The program from outside: exit codes, streams and messages.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

mod cli {
    mod adapters;
    mod bench;
    mod config;
    mod data;
    mod environment;
    mod files;
    mod generate;
    mod help;
    mod names;
    mod predict;
    #[cfg(unix)]
    mod signals;
    mod status;
    mod streams;
    mod tune;
}
