//! The sound of a file as a stream of mono blocks: the file's reader, chosen by its first bytes, and behind it the
//! mixdown. No more than a block is held in memory.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::mixdown::{DecodeTarget, Mixdown};
use super::mp4::Mp4;
use super::mpeg::Mpeg;
use super::pcm::PcmReader;
use super::reader::Reader;
use super::recognise::{self, Format, START_BYTES};
use super::section::{ByteSource, Section};
use super::xiph::{Flac, Ogg};
use super::{aiff, caf, contain, resample, riff, tags, w64};
use crate::base::regular_file;
use crate::{Error, Result};

/// Largest number of samples of a [`AudioStream`]: 49 days and 17 hours at 16 kHz. A few bytes of a damaged or forged
/// file can unpack to years of silence, on which a program would never finish.
pub const MAX_STREAM_SAMPLES: usize = if usize::BITS > 32 { 1 << 36 } else { usize::MAX };

/// The sound of a file, decoded, mixed down to mono and resampled while it is read. The samples of all blocks together
/// are those of [`decode_at`](super::decode_at()), and so are the errors and warnings.
///
/// ```no_run
/// # fn main() -> weaklabel::Result<()> {
/// let mut stream = weaklabel::data::audio::AudioStream::open("street.mp3".as_ref(), 16_000)?;
/// let mut power = 0.0;
/// while let Some(block) = stream.next_block()? {
///     power += block.iter().map(|x| f64::from(x * x)).sum::<f64>();
/// }
/// println!("{} s, {power}", stream.seconds());
/// # Ok(())
/// # }
/// ```
pub struct AudioStream {
    path: PathBuf,
    blocks: Blocks<'static>,
}

impl AudioStream {
    /// Opens the file at `path`, to read it at `rate` Hz.
    ///
    /// # Errors
    /// Errors of [`decode_at`](super::decode_at()) that the headers show.
    pub fn open(path: &Path, rate: u32) -> Result<Self> {
        resample::check([rate])?;
        let blocks = Blocks::open(path, DecodeTarget { rate: Some(rate), max_samples: MAX_STREAM_SAMPLES })?;
        Ok(Self { path: path.into(), blocks })
    }

    /// Returns the next samples; `None` after the last. Their number varies.
    ///
    /// # Errors
    /// Errors of [`decode_at`](super::decode_at()). After an error there are no more samples.
    pub fn next_block(&mut self) -> Result<Option<&[f32]>> {
        self.blocks.next_block().map_err(|reason| Error::audio(&self.path, reason))
    }

    /// Returns the length in seconds of what was read so far.
    pub fn seconds(&self) -> f64 {
        self.blocks.seconds()
    }

    /// Returns the length of the whole file in seconds, as far as its headers tell. They may be wrong.
    pub fn claimed_seconds(&self) -> Option<f64> {
        let layout = self.blocks.mixdown.layout();
        layout.frames.number().map(|n| n as f64 / f64::from(layout.rate))
    }

    /// Returns the number of channels of the file.
    pub fn channels(&self) -> u16 {
        self.blocks.channels()
    }

    /// Returns the faults of the file that did not prevent decoding. They are known after the last block.
    pub fn warnings(&self) -> &[String] {
        self.blocks.warnings()
    }

    /// Logs the warnings with the name of the file.
    pub fn log_warnings(&self) {
        for warning in self.warnings() {
            tracing::warn!("{}: {warning}", self.path.display());
        }
    }
}

/// A [`AudioStream`] of any bytes, whose errors do not name a file.
pub(super) struct Blocks<'a> {
    reader: Box<dyn Reader + 'a>,
    mixdown: Mixdown,
    /// The latest frames, channels of a frame adjacent.
    frames: Vec<f32>,
    /// The latest mono samples.
    block: Vec<f32>,
    /// Whether the last block or an error was returned.
    is_over: bool,
    warnings: Vec<String>,
}

impl Blocks<'static> {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Audio`].
    pub fn open(path: &Path, target: DecodeTarget) -> Result<Self> {
        let kind = fs::metadata(path).map_err(|source| Error::io("read", path, source))?.file_type();
        if let Some(kind) = regular_file::other_kind(kind) {
            return Err(Error::audio(path, not_a_sound(kind)));
        }
        let file = File::open(path).map_err(|source| Error::io("read", path, source))?;
        Self::of(Box::new(file), target).map_err(|reason| Error::audio(path, reason))
    }
}

impl<'a> Blocks<'a> {
    /// Begins to read `source`.
    pub fn of(source: Box<dyn ByteSource + 'a>, target: DecodeTarget) -> Result<Self, String> {
        let mut file = Section::whole(source)?;
        let (start, end) = (tags::end_of_front(&mut file)?, file.len());
        let mut file = file.narrowed(start..end)?;
        let format = recognise::format(&file.bytes_at(0, START_BYTES)?, start > 0)?;
        let reader = contain::panics(|| open(format, file))?;
        let mixdown = Mixdown::new(target, reader.layout())?;
        let (frames, block, warnings) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { reader, mixdown, frames, block, is_over: false, warnings })
    }

    /// Returns the next samples; `None` after the last.
    pub fn next_block(&mut self) -> Result<Option<&[f32]>, String> {
        self.block.clear();
        while self.block.is_empty() && !self.is_over {
            // Ended by an error too.
            self.is_over = true;
            let more = contain::panics(|| self.reader.read(&mut self.frames))?;
            if more {
                self.mixdown.push(&self.frames, &mut self.block)?;
            } else {
                self.warnings = self.mixdown.finish(self.reader.warnings(), &mut self.block)?;
            }
            self.is_over = !more;
        }
        Ok((!self.block.is_empty()).then_some(&self.block))
    }

    /// Returns the sampling rate of the blocks in Hz.
    pub fn rate(&self) -> u32 {
        self.mixdown.rate()
    }

    /// Returns the length in seconds of what was read so far.
    pub fn seconds(&self) -> f64 {
        self.mixdown.seconds()
    }

    /// Returns the number of channels of the file.
    pub fn channels(&self) -> u16 {
        self.mixdown.layout().channels
    }

    /// Returns the warnings, after the last block.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// Begins to read `file`, which is of `format`.
fn open<'a>(format: Format, mut file: Section<'a>) -> Result<Box<dyn Reader + 'a>, String> {
    let samples = match format {
        Format::Wav => riff::samples(&mut file)?,
        Format::Wave64 => w64::samples(&mut file)?,
        Format::Aiff => aiff::samples(&mut file)?,
        Format::Caf => caf::samples(&mut file)?,
        Format::Flac => return Ok(Box::new(Flac::open(file)?)),
        Format::Ogg => return Ok(Box::new(Ogg::open(file)?)),
        Format::Mp4 => return Ok(Box::new(Mp4::open(file)?)),
        Format::Mpeg => return Ok(Box::new(Mpeg::open(file)?)),
    };
    Ok(Box::new(PcmReader::new(file, samples)?))
}

/// Returns the reason to refuse a path that names a `kind` of thing other than a regular file.
fn not_a_sound(kind: &str) -> String {
    let next = match kind {
        "a folder" => ": name the files in it, for example with FOLDER/*.wav",
        "a pipe" => ": write what comes out of it to a file first",
        "a device" => ": record from it to a file first",
        _ => "",
    };
    format!("{kind}, not an audio file{next}")
}
