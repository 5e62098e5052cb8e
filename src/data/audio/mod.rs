//! Audio input and output: reads files as mono `f32` samples, converts sampling rates, measures loudness, and writes
//! clips as 16-bit WAV.
//!
//! In: paths of audio files. Out: [`Audio`], or a [`AudioStream`] of its blocks. Full scale is 1; reading does not
//! clip. A file passes through the modules in blocks: `section` (byte ranges) → `tags`, `recognise` → a `reader` →
//! `mixdown`, `resample`. The readers are `pcm` (whose samples `riff` with `wav`, `w64`, `aiff` and `caf` find), `xiph`
//! with `ogg` and `codebooks`, `mp4` (both on `track`), and `mpeg`.

mod aiff;
mod caf;
mod codebooks;
mod contain;
mod decode;
mod loudness;
mod mixdown;
mod mp4;
mod mpeg;
mod ogg;
mod pcm;
mod reader;
mod recognise;
mod resample;
mod riff;
mod section;
mod stream;
mod tags;
mod track;
mod w64;
mod wav;
mod write;
mod xiph;

use std::ops::RangeInclusive;
use std::path::Path;

pub use decode::{MAX_SAMPLES, decode, decode_at, decode_bytes};
pub use loudness::integrated_loudness;
pub use resample::{resample, resampled_len};
pub use stream::{AudioStream, MAX_STREAM_SAMPLES};
pub use write::write_wav16;

/// Valid sampling rates, in Hz. Recorders stay well inside. A header with another rate is damaged, and resampling from
/// or to such a rate would multiply a file's size a thousandfold.
const RATES: RangeInclusive<u32> = 1_000..=768_000;

/// One channel of sound.
#[derive(Clone, Debug, PartialEq)]
pub struct Audio {
    /// Sampling rate in Hz.
    pub rate: u32,
    /// Samples in time order. Full scale is 1; larger values are kept.
    pub samples: Vec<f32>,
}

/// The sound of a file, as returned by [`decode`] and [`decode_at`].
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// Mean of the file's channels.
    pub audio: Audio,
    /// Number of channels of the file.
    pub channels: u16,
    /// Length of the file in seconds.
    pub seconds: f64,
    /// Faults of the file that did not prevent decoding.
    pub warnings: Vec<String>,
}

impl Decoded {
    /// Logs the warnings with `path` as the name of the file.
    pub fn log_warnings(&self, path: &Path) {
        for warning in &self.warnings {
            tracing::warn!("{}: {warning}", path.display());
        }
    }
}
