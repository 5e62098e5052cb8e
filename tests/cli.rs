//! The program from outside: exit codes, streams and messages.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cli {
    mod config;
    mod program;
    #[cfg(unix)]
    mod signals;
    mod streams;
}
