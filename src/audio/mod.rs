//! Audio in and out: a file becomes mono `f32` samples, samples change their rate, their loudness is measured, and
//! clips are written as 16-bit WAV.
//!
//! In: paths of WAV, FLAC and Ogg Vorbis files. Out: [`Audio`]. Full scale is 1; nothing is clipped on reading.

mod decode;
mod loudness;
mod ogg;
mod resample;
mod wav;
mod write;
mod xiph;

use std::ops::RangeInclusive;

pub use decode::{decode, decode_bytes};
pub use loudness::integrated_loudness;
pub use resample::resample;
pub use write::write_wav16;

/// Sampling rates that are believed, in Hz. Recorders stay well inside; a header beyond is damaged, and resampling to
/// or from it would multiply a file's size a thousandfold.
const RATES: RangeInclusive<u32> = 1_000..=768_000;

/// One channel of sound.
#[derive(Clone, Debug, PartialEq)]
pub struct Audio {
    /// Sampling rate in Hz.
    pub rate: u32,
    /// Samples in time order; full scale is 1, larger values are kept.
    pub samples: Vec<f32>,
}

/// What [`decode`] found in a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// The mean of the file's channels.
    pub audio: Audio,
    /// Number of channels in the file.
    pub channels: u16,
    /// What is wrong with a file that could be read nevertheless, for the log.
    pub warning: Option<String>,
}
