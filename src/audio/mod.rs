//! Audio in and out: a file becomes mono `f32` samples, samples change their rate, their loudness is measured, and
//! clips are written as 16-bit WAV.
//!
//! In: paths of WAV, FLAC and Ogg Vorbis files. Out: [`Audio`]. Full scale is 1; nothing is clipped on reading. A file
//! passes through in blocks: section (bytes where they lie) → tags, recognise → wav with riff, or xiph with ogg and
//! codebooks → mixdown, resample.

mod codebooks;
mod contain;
mod decode;
mod loudness;
mod mixdown;
mod ogg;
mod recognise;
mod resample;
mod riff;
mod section;
mod tags;
mod wav;
mod write;
mod xiph;

use std::ops::RangeInclusive;
use std::path::Path;

pub use decode::{MAX_SAMPLES, decode, decode_at, decode_bytes};
pub use loudness::integrated_loudness;
pub use resample::{resample, resampled_len};
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

/// A file's sound, as [`decode`] and [`decode_at`] give it.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// The mean of the file's channels.
    pub audio: Audio,
    /// Number of channels in the file.
    pub channels: u16,
    /// The file's length in seconds.
    pub seconds: f64,
    /// Faults of the file, which could be read nevertheless.
    pub warnings: Vec<String>,
}

impl Decoded {
    /// Logs the warnings, as those of the file at `path`.
    pub fn log_warnings(&self, path: &Path) {
        for warning in &self.warnings {
            tracing::warn!("{}: {warning}", path.display());
        }
    }
}
