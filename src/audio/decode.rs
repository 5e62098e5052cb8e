//! From a file to mono samples: picks the reader by the file's first bytes, and bounds what is kept.

use std::fs::{self, File, FileType};
use std::io::Cursor;
use std::path::Path;

use super::mixdown::DecodeTarget;
use super::recognise::{self, Format, START_BYTES};
use super::section::{ByteSource, Section};
use super::{Decoded, contain, resample, tags, wav, xiph};
use crate::{Error, Result};

/// The most samples that are kept of a file: 4 GiB, or 18 hours and 38 minutes at 16 kHz.
pub const MAX_SAMPLES: usize = 1 << 30;

/// Reads a WAV (integer PCM of 8 to 32 bits, float of 32 or 64), FLAC or Ogg Vorbis file and averages its channels.
///
/// The format is recognised by content, whatever the file's name; ID3v2 tags in front of it and ID3 or APE tags behind it
/// are skipped. Integers of b bits are divided by 2^(b−1); float and Vorbis samples beyond full scale stay as they are.
/// The length is exact: a Vorbis stream ends at the granule position of its last page.
///
/// The file is decoded in blocks, and only the mean of its channels is kept, up to [`MAX_SAMPLES`] samples.
///
/// A file that was cut short or damaged yields the frames before the first damage, with a warning: a WAV whose data chunk
/// claims more or less than is there or ends inside a frame, a FLAC file with a bad or missing frame or bytes that belong
/// to none, an Ogg file with a bad or missing page. A FLAC file whose first frames are missing yields the next ones. A WAV
/// whose data chunk claims nothing, since its recorder never finished it, yields all that follows. Of several streams in
/// one Ogg file the first is read. What can hardly be meant is a warning too: samples more than 24 dB above full scale, and
/// channels that cancel each other out.
///
/// # Errors
/// [`Error::Io`] if the file cannot be opened; [`Error::Audio`] naming file and reason if it is a folder, a pipe, a socket
/// or a device, is none of these formats, holds another codec, has no channel, no sample, a sampling rate outside 1 to
/// 768 kHz or too many samples, or any sample is NaN or infinite.
pub fn decode(path: &Path) -> Result<Decoded> {
    decode_file(path, DecodeTarget { rate: None, max_samples: MAX_SAMPLES })
}

/// Reads a file as [`decode`] does and resamples it to `rate` Hz as [`resample`](super::resample()) does, block by block:
/// at most `max_samples` samples at `rate` are kept, and none at the file's own rate.
///
/// # Errors
/// The errors of [`decode`]; [`Error::Config`] if `rate` lies outside 1 to 768 kHz.
pub fn decode_at(path: &Path, rate: u32, max_samples: usize) -> Result<Decoded> {
    resample::check([rate])?;
    decode_file(path, DecodeTarget { rate: Some(rate), max_samples })
}

/// Decodes a file that lies in memory as [`decode`] does, if it has at most `max_samples` frames.
///
/// Beside the result no more than a block of sound and the decoder's tables are held, whatever the file claims.
///
/// # Errors
/// The reason of the [`Error::Audio`] that [`decode`] gives.
pub fn decode_bytes(bytes: &[u8], max_samples: usize) -> Result<Decoded, String> {
    read(&mut Cursor::new(bytes), DecodeTarget { rate: None, max_samples })
}

fn decode_file(path: &Path, target: DecodeTarget) -> Result<Decoded> {
    let kind = fs::metadata(path).map_err(|source| Error::io("read", path, source))?.file_type();
    // Opening a pipe waits for its other end, perhaps for ever.
    if let Some(reason) = not_a_file(kind) {
        return Err(Error::audio(path, reason));
    }
    let mut file = File::open(path).map_err(|source| Error::io("read", path, source))?;
    read(&mut file, target).map_err(|reason| Error::audio(path, reason))
}

/// The reason to refuse a path of this kind, unless it is a regular file.
fn not_a_file(kind: FileType) -> Option<&'static str> {
    #[cfg(unix)]
    let (is_pipe, is_socket) = {
        use std::os::unix::fs::FileTypeExt;
        (kind.is_fifo(), kind.is_socket())
    };
    #[cfg(not(unix))]
    let (is_pipe, is_socket) = (false, false);
    if kind.is_file() {
        None
    } else if kind.is_dir() {
        Some("a folder, not an audio file: name the files in it, for example with FOLDER/*.wav")
    } else if is_pipe {
        Some("a pipe, not an audio file: write what comes out of it to a file first")
    } else if is_socket {
        Some("a socket, not an audio file")
    } else {
        Some("a device, not an audio file: record from it to a file first")
    }
}

fn read(source: &mut dyn ByteSource, target: DecodeTarget) -> Result<Decoded, String> {
    let mut file = Section::whole(source)?;
    let (start, end) = (tags::end_of_front(&mut file)?, file.len());
    let mut file = file.narrowed(start..end)?;
    match recognise::format(&file.bytes_at(0, START_BYTES)?, start > 0)? {
        Format::Wav => wav::read(file, target),
        Format::Flac => contain::panics(|| xiph::read_flac(file, target)),
        Format::Ogg => contain::panics(|| xiph::read_ogg(file, target)),
    }
}
