//! Tests of `weaklabel::audio` on real files, tones and reference values.

#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

#[path = "audio/damage.rs"]
mod damage;
#[path = "audio/formats.rs"]
mod formats;
#[path = "audio/loudness.rs"]
mod loudness;
#[path = "audio/resample.rs"]
mod resample;
#[path = "audio/write.rs"]
mod write;
