//! From a file to mono samples: picks the reader by the file's first bytes and checks what every format must satisfy.

use std::fs;
use std::panic::{UnwindSafe, catch_unwind};
use std::path::Path;

use super::{Audio, Decoded, RATES, wav, xiph};
use crate::{Error, Result};

/// What a format's reader hands over: samples of all channels, not yet checked or mixed.
pub(super) struct Pcm {
    pub rate: u32,
    pub channels: u16,
    /// Frame by frame, the channels of a frame side by side.
    pub interleaved: Vec<f32>,
    pub warning: Option<String>,
}

/// Reads a WAV (integer PCM of 8 to 32 bits, float of 32 or 64), FLAC or Ogg Vorbis file and averages its channels.
///
/// The format is recognised by content, whatever the file's name. Integers of b bits are divided by 2^(b−1); float and
/// Vorbis samples beyond full scale stay as they are. The length is exact: a Vorbis stream ends at the granule position
/// of its last page.
///
/// A file that was cut short or damaged yields the frames before the first damage, with [`Decoded::warning`] set: a
/// WAV whose data chunk claims more than is there or ends inside a frame, a FLAC file with a bad or missing frame, an
/// Ogg file with a bad or missing page. Of several streams in one Ogg file the first is read, with a warning if another
/// follows it.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read; [`Error::Audio`] naming file and reason if it is none of these formats,
/// holds another codec, has no channel, no sample or a sampling rate outside 1 to 768 kHz, or any sample is NaN or
/// infinite.
pub fn decode(path: &Path) -> Result<Decoded> {
    let bytes = fs::read(path).map_err(|source| Error::io("read", path, source))?;
    read(&bytes).map_err(|reason| Error::audio(path, reason))
}

/// Decodes a file of these bytes as [`decode`] does, unless it is longer than `max_samples` frames.
///
/// # Errors
/// The reason of the [`Error::Audio`] that [`decode`] gives.
pub fn decode_bytes(bytes: &[u8], max_samples: usize) -> Result<Decoded, String> {
    let decoded = read(bytes)?;
    let n_samples = decoded.audio.samples.len();
    if n_samples > max_samples {
        return Err(format!("{n_samples} samples, of which at most {max_samples} are read"));
    }
    Ok(decoded)
}

fn read(bytes: &[u8]) -> Result<Decoded, String> {
    let pcm = match bytes.get(..4) {
        Some(b"RIFF") => wav::read(bytes)?,
        Some(b"fLaC") => unless_it_panics(|| xiph::read_flac(bytes))?,
        Some(b"OggS") => unless_it_panics(|| xiph::read_ogg(bytes))?,
        _ => return Err("not audio: neither WAV nor FLAC nor Ogg".into()),
    };
    let n_channels = usize::from(pcm.channels);
    if n_channels == 0 {
        return Err("bad channel count 0".into());
    }
    if !RATES.contains(&pcm.rate) {
        return Err(format!("bad sample rate {} Hz", pcm.rate));
    }
    if pcm.interleaved.len() < n_channels {
        return Err(format!("no samples{}", pcm.warning.map(|w| format!(": {w}")).unwrap_or_default()));
    }
    if let Some(at) = pcm.interleaved.iter().position(|x| !x.is_finite()) {
        return Err(format!("sample {} is not finite", at / n_channels));
    }
    let samples = pcm.interleaved.chunks_exact(n_channels).map(mean).collect();
    Ok(Decoded { audio: Audio { rate: pcm.rate, samples }, channels: pcm.channels, warning: pcm.warning })
}

/// Symphonia can overflow or divide by zero on headers that are wrong although their checksum is right; one such file
/// must not end a run.
fn unless_it_panics(read: impl FnOnce() -> Result<Pcm, String> + UnwindSafe) -> Result<Pcm, String> {
    catch_unwind(read).unwrap_or_else(|_| Err("damaged: its headers make the decoder fail".into()))
}

fn mean(frame: &[f32]) -> f32 {
    (frame.iter().copied().map(f64::from).sum::<f64>() / frame.len() as f64) as f32
}
