//! Writing clips as 16-bit WAV, completely or not at all.

use std::io::Cursor;
use std::path::Path;

use hound::{SampleFormat, WavSpec, WavWriter};

use super::Audio;
use crate::base::atomic;
use crate::{Error, Result};

/// Writes `audio` as a mono 16-bit WAV file, rounded to the nearest of the 65 536 steps. Samples beyond full scale are
/// clamped. The file appears under its name only when it is complete and on disk; an existing file of that name is
/// replaced.
///
/// # Errors
/// [`Error::Io`] if the file cannot be written; [`Error::Audio`] if a sample is not finite or there are more samples
/// than a WAV file can hold.
pub fn write_wav16(path: &Path, audio: &Audio) -> Result<()> {
    if let Some(at) = audio.samples.iter().position(|x| !x.is_finite()) {
        return Err(Error::audio(path, format!("cannot be written: sample {at} is not finite")));
    }
    let bytes = encode(audio).map_err(|error| Error::audio(path, format!("cannot be written: {error}")))?;
    atomic::write_bytes(path, &bytes)
}

fn encode(audio: &Audio) -> Result<Vec<u8>, hound::Error> {
    let spec = WavSpec { channels: 1, sample_rate: audio.rate, bits_per_sample: 16, sample_format: SampleFormat::Int };
    let mut bytes = Cursor::new(Vec::with_capacity(44 + 2 * audio.samples.len()));
    let mut writer = WavWriter::new(&mut bytes, spec)?;
    for &x in &audio.samples {
        // A cast to an integer saturates.
        writer.write_sample((x * 32_768.0).round() as i16)?;
    }
    writer.finalize()?;
    Ok(bytes.into_inner())
}
