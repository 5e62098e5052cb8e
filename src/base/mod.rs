//! The error type, text that is safe to print, files that are read and written whole, and random numbers: every other
//! module may use them.
//!
//! In: nothing of the program. Out: functions and types without a state, but for the flag that asks the process to end.

pub mod error;

pub mod environment;

pub mod stop;

pub mod printable;

#[cfg(feature = "cluster")]
pub mod server_address;

pub mod secrets;

pub mod regular_file;

pub mod atomic;

pub mod checksum;

pub mod counter_rng;
