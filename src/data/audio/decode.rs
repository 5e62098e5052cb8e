//! Decoding a whole file to mono samples.

use std::io::Cursor;
use std::path::Path;

use super::mixdown::DecodeTarget;
use super::stream::Blocks;
use super::{Audio, Decoded, resample};
use crate::{Error, Result};

/// Largest number of samples of a file that is held in memory: 4 GiB, or 18 hours and 38 minutes at 16 kHz.
pub const MAX_SAMPLES: usize = 1 << 30;

/// Reads an audio file and averages its channels: WAV, RF64, Wave64, AIFF and CAF (integer PCM of 8 to 32 bits, float
/// of 32 or 64), FLAC, Ogg Vorbis, MP3, MP2, AAC, and MP4 with AAC, ALAC or FLAC.
///
/// The format is recognised by content, independent of the file's name. ID3v2 tags at the start, and ID3 or APE tags at
/// the end, are skipped. Integers of b bits are divided by 2^(b−1); float and lossy samples beyond full scale are kept.
/// The length is exact: a Vorbis stream ends at the granule position of its last page. Delay and padding of the encoder
/// are cut off where an MP3 (the tag of LAME or Lavf) or an MP4 (the edit list) says how long they are.
///
/// The file is decoded in blocks, and only the mean of its channels is kept, up to [`MAX_SAMPLES`] samples.
/// [`AudioStream`](super::AudioStream) keeps a block only.
///
/// A file that was cut short or damaged yields the frames before the first damage, with a warning: samples of which a
/// header claims more than there are, or that end inside a frame; a FLAC file with a bad or missing frame or with bytes
/// that belong to no frame; an Ogg file with a bad or missing page; an MP3 or AAC file in which a frame does not follow
/// the one before. Files whose first frames are missing yield the frames after them. A WAV whose header has no length,
/// because the recorder never finished it, yields everything after the header. Of several streams in one Ogg or MP4
/// file, the first is read. Probable mistakes are warnings, too: samples more than 24 dB above full scale, and channels
/// that cancel each other out.
///
/// # Errors
/// [`Error::Io`] if the file cannot be opened; [`Error::Audio`] naming file and reason if the path is a folder, a pipe,
/// a socket or a device, or if the file has none of these formats, has another codec, no channel, no sample, a sampling
/// rate outside 1 to 768 kHz, too many samples, or a sample that is NaN or infinite.
pub fn decode(path: &Path) -> Result<Decoded> {
    decode_file(path, DecodeTarget { rate: None, max_samples: MAX_SAMPLES })
}

/// Reads a file as [`decode`] does and resamples it to `rate` Hz as [`resample`](super::resample()) does, block by
/// block. At most `max_samples` samples at `rate` are kept, and none at the file's own rate.
///
/// # Errors
/// The errors of [`decode`]; [`Error::Config`] if `rate` lies outside 1 to 768 kHz.
pub fn decode_at(path: &Path, rate: u32, max_samples: usize) -> Result<Decoded> {
    resample::check([rate])?;
    decode_file(path, DecodeTarget { rate: Some(rate), max_samples })
}

/// Decodes a file in memory as [`decode`] does, if it has at most `max_samples` frames.
///
/// Besides the result, only a block of sound and the decoder's tables are held in memory, whatever the file's headers
/// claim.
///
/// # Errors
/// The reason of the [`Error::Audio`] that [`decode`] returns.
pub fn decode_bytes(bytes: &[u8], max_samples: usize) -> Result<Decoded, String> {
    collect(Blocks::of(Box::new(Cursor::new(bytes)), DecodeTarget { rate: None, max_samples })?)
}

fn decode_file(path: &Path, target: DecodeTarget) -> Result<Decoded> {
    collect(Blocks::open(path, target)?).map_err(|reason| Error::audio(path, reason))
}

/// Reads `blocks` to their end.
fn collect(mut blocks: Blocks<'_>) -> Result<Decoded, String> {
    let mut samples = Vec::new();
    while let Some(block) = blocks.next_block()? {
        if samples.try_reserve(block.len()).or_else(|_| samples.try_reserve_exact(block.len())).is_err() {
            return Err(format!("there is no memory for more than {} of its samples", samples.len()));
        }
        samples.extend_from_slice(block);
    }
    Ok(Decoded {
        audio: Audio { rate: blocks.rate(), samples },
        channels: blocks.channels(),
        seconds: blocks.seconds(),
        warnings: blocks.warnings().to_vec(),
    })
}
