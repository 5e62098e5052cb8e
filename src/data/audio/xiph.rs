//! FLAC and Ogg Vorbis.
//!
//! Both are read up to the first damage. `track` checks that packets follow one another. For FLAC, this module checks
//! that frames cover all bytes of the file; for Ogg, `ogg` checks the pages beforehand.

use std::io::{ErrorKind, Read};

use symphonia::core::codecs::audio::well_known::{CODEC_ID_FLAC, CODEC_ID_VORBIS};
use symphonia::core::errors::Error;
use symphonia::core::formats::FormatOptions;
use symphonia::core::io::ReadOnlySource;
use symphonia::default::formats::{FlacReader, OggReader};

use super::ogg::Pages;
use super::reader::{Reader, StreamLayout};
use super::section::Section;
use super::track::{Rules, Track, reason, stream};
use super::{codebooks, tags};

/// A reader of a FLAC file up to its end or to the first frame that is damaged or missing.
pub(super) struct Flac<'a> {
    track: Track<'a>,
    /// Number of bytes after the header.
    n_bytes: u64,
}

impl<'a> Flac<'a> {
    pub fn open(mut file: Section<'a>) -> Result<Self, String> {
        let (header, frames) = stream_info(&mut file)?;
        let frames = file.narrowed(frames)?;
        let n_bytes = frames.len();
        let source = stream(ReadOnlySource::new(std::io::Cursor::new(header).chain(frames)));
        let reader =
            FlacReader::try_new(source, FormatOptions::default()).map_err(|error| without_frames(n_bytes, error))?;
        // FLAC frames are numbered, so their times are exact.
        let rules = Rules { container: "FLAC", codecs: &[CODEC_ID_FLAC], codec_names: "FLAC", is_exact: true };
        Ok(Self { track: Track::new(Box::new(reader), rules)?, n_bytes })
    }
}

impl Reader for Flac<'_> {
    fn layout(&self) -> StreamLayout {
        self.track.layout
    }

    fn read(&mut self, block: &mut Vec<f32>) -> Result<bool, String> {
        Ok(self.track.read(block))
    }

    fn warnings(&mut self) -> Vec<String> {
        let Self { track, n_bytes } = self;
        let (n_frames, n_left) = (track.n_kept, n_bytes.saturating_sub(track.n_bytes));
        let start = track.start.unwrap_or(0);
        let warning = match (track.damage.take(), track.layout.frames.number()) {
            (Some(warning), _) => Some(warning),
            _ if start > 0 => Some(format!("its first {start} frames are damaged or missing")),
            (None, Some(claimed)) if n_frames < claimed => {
                Some(format!("cut short: {n_frames} of {claimed} frames are there"))
            }
            (None, Some(claimed)) if n_frames > claimed => {
                Some(format!("the header claims {claimed} frames, {n_frames} are there"))
            }
            _ if n_left > 0 => Some(format!("damaged or cut short: {n_left} of {n_bytes} bytes are no whole frame")),
            _ => None,
        };
        warning.into_iter().collect()
    }
}

/// Returns a minimal header that holds only the file's STREAMINFO, and the byte range of the frames. Pictures, comments
/// and other blocks are skipped, so that a large length in their headers costs no memory.
fn stream_info(file: &mut Section) -> Result<([u8; 42], std::ops::Range<u64>), String> {
    const STREAM_INFO_BYTES: usize = 34;
    const LAST_BLOCK: u8 = 0x80;
    let mut header = *b"fLaC\x80\0\0\x22\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let mut found = false;
    let mut at = 4;
    loop {
        let [kind, size @ ..] = file.array_at::<4>(at)?.ok_or("truncated header")?;
        let size = u64::from(u32::from_be_bytes([0, size[0], size[1], size[2]]));
        at += 4;
        if kind & !LAST_BLOCK == 0 && !found {
            header[8..].copy_from_slice(&file.array_at::<STREAM_INFO_BYTES>(at)?.ok_or("truncated header")?);
            found = true;
        }
        at += size;
        if at > file.len() {
            return Err("truncated header".into());
        }
        if kind & LAST_BLOCK != 0 {
            break;
        }
    }
    if !found {
        return Err("no STREAMINFO block in its header".into());
    }
    let end = tags::start_of_back(file)?.max(at);
    Ok((header, at..end))
}

/// Explains why the reader of a FLAC file with `n_bytes` after its header cannot start.
fn without_frames(n_bytes: u64, error: Error) -> String {
    match error {
        Error::IoError(error) if error.kind() == ErrorKind::UnexpectedEof && n_bytes > 0 => {
            format!("damaged: none of its {n_bytes} bytes of sound are a frame")
        }
        Error::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => "no samples".into(),
        error => reason(error),
    }
}

/// A reader of the first Vorbis stream of an Ogg file up to its end or to the first page that is damaged or missing.
pub(super) struct Ogg<'a> {
    track: Track<'a>,
    /// Warning about the pages.
    of_pages: Option<String>,
}

impl<'a> Ogg<'a> {
    pub fn open(mut file: Section<'a>) -> Result<Self, String> {
        let end = tags::start_of_back(&mut file)?;
        let mut file = file.narrowed(0..end)?;
        let pages = Pages::scan(&mut file)?;
        pages.setups.iter().try_for_each(|setup| codebooks::check(setup))?;
        let intact = file.narrowed(0..pages.intact)?;
        let reader = OggReader::try_new(stream(intact), FormatOptions::default())
            .map_err(|error| pages.warning.clone().unwrap_or_else(|| reason(error)))?;
        // The time of a Vorbis packet comes from its page, and the first packets overlap.
        let rules = Rules { container: "Ogg", codecs: &[CODEC_ID_VORBIS], codec_names: "Vorbis", is_exact: false };
        let mut track = Track::new(Box::new(reader), rules)?;
        // A stream may start before time 0 (if its beginning is cut off) or after it (if the stream was cut out of a
        // longer one).
        let end = pages.ends.get(&track.id).map_or(0, |end| end.granule);
        track.kept = 0..i64::try_from(end).unwrap_or(i64::MAX);
        Ok(Self { track, of_pages: pages.warning })
    }
}

impl Reader for Ogg<'_> {
    fn layout(&self) -> StreamLayout {
        self.track.layout
    }

    fn read(&mut self, block: &mut Vec<f32>) -> Result<bool, String> {
        Ok(self.track.read(block))
    }

    fn warnings(&mut self) -> Vec<String> {
        let track = &mut self.track;
        let n_frames = track.kept.end.saturating_sub(track.start.unwrap_or(0).max(0)).max(0).unsigned_abs();
        let n_there = track.n_kept;
        let short = || (n_there < n_frames).then(|| format!("cut short: {n_there} of {n_frames} frames are there"));
        self.of_pages.take().or(track.damage.take()).or_else(short).into_iter().collect()
    }
}
