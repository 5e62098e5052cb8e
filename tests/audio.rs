//! Tests of `weaklabel::audio` on real files, tones and reference values.

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
