//! Tests of `weaklabel::data::audio` on real files, tones and reference values.

#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

mod support;

#[path = "audio/damage.rs"]
mod damage;
#[path = "audio/formats.rs"]
mod formats;
#[cfg(unix)]
#[path = "audio/kinds.rs"]
mod kinds;
#[path = "audio/length.rs"]
mod length;
#[path = "audio/loudness.rs"]
mod loudness;
#[path = "audio/resample.rs"]
mod resample;
#[path = "audio/suspicious.rs"]
mod suspicious;
#[path = "audio/tags.rs"]
mod tags;
#[path = "audio/wav_file.rs"]
mod wav_file;
#[path = "audio/write.rs"]
mod write;
