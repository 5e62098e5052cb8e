//! Functions that several test files use, each in one place.

#![allow(dead_code, reason = "each test file uses some of it")]

pub mod audio_formats;
pub mod constant_flac;
pub mod files;
pub mod kernels;
pub mod left;
pub mod missing;
pub mod postgres;
pub mod process;
pub mod program;
pub mod python;
pub mod training;
