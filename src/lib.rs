//! `weaklabel`: train and evaluate audio taggers on weak labels, with all arithmetic in WGSL compute shaders.
//!
//! The modules below stand in the order in which data flow through them; a module uses only those above it.

pub mod error;

pub mod environment;

pub mod stop;

pub mod secrets;

pub mod printable;

pub mod regular_file;

pub mod atomic;

pub mod checksum;

pub mod counter_rng;

pub mod config;

pub mod audio;

pub mod scenes;

pub mod gpu;

pub mod kernels;

pub mod features;

pub mod model;

pub mod evaluate;

pub mod train;

pub mod report;

pub mod study;

pub mod search;

pub mod store;

pub mod worker;

pub mod bench;

pub mod tune;

pub mod cli;

pub use error::{Error, Result};
