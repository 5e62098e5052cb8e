//! MP4 (M4A, MOV, 3GP): the audio track, from the start to the end that its edit list names.
//!
//! Encoders of AAC need some frames to start with, and fill the last block. The edit list says which frames are the
//! sound. Symphonia does not read it, so it is read here.

use std::ops::Range;

use symphonia::core::codecs::audio::AudioCodecId;
use symphonia::core::codecs::audio::well_known::{CODEC_ID_AAC, CODEC_ID_ALAC, CODEC_ID_FLAC};
use symphonia::core::formats::FormatOptions;
use symphonia::default::formats::IsoMp4Reader;

use super::reader::{Frames, Reader, StreamLayout};
use super::recognise::CONVERT;
use super::section::Section;
use super::tags;
use super::track::{Rules, Track, reason, stream};

const CODECS: [AudioCodecId; 3] = [CODEC_ID_AAC, CODEC_ID_ALAC, CODEC_ID_FLAC];
/// Most boxes in another that are looked at.
const MAX_BOXES: usize = 4096;
/// Most fragments of a file that are looked at: a second each, they last 12 days.
const MAX_FRAGMENTS: usize = 1 << 20;
/// Most blocks of equal size in a part of a fragment. Symphonia counts them one by one before it reads the first.
const MAX_EQUAL_BLOCKS: u32 = 1 << 16;

/// Name of a box, and byte range of its body.
type NamedBox = ([u8; 4], Range<u64>);

/// A reader of the first audio track of an MP4 file up to its end or to the first damage.
pub(super) struct Mp4<'a> {
    track: Track<'a>,
    /// Warning about the boxes.
    of_boxes: Option<String>,
}

impl<'a> Mp4<'a> {
    pub fn open(mut file: Section<'a>) -> Result<Self, String> {
        let end = tags::start_of_back(&mut file)?;
        let mut file = file.narrowed(0..end)?;
        let of_boxes = check_boxes(&mut file)?;
        let edit = Edit::find(&mut file)?;
        let file = file.narrowed(0..end)?;
        let reader = IsoMp4Reader::try_new(stream(file), FormatOptions::default()).map_err(|error| {
            let why = reason(error);
            format!("its index cannot be read ({why}): it was cut short or never finished; copy it again")
        })?;
        let rules = Rules { container: "MP4", codecs: &CODECS, codec_names: "AAC, ALAC or FLAC", is_exact: false };
        let mut track = Track::new(Box::new(reader), rules).map_err(|why| {
            let advice = if why.contains("ffmpeg") { String::new() } else { format!("; {CONVERT}") };
            why + &advice
        })?;
        // A file in fragments does not know its length beforehand.
        let claimed = track.layout.frames.number().filter(|n| *n > 0);
        let kept = edit.map_or(0..u64::MAX, |edit| edit.kept(track.layout.rate));
        let claimed = claimed.map(|n| n.min(kept.end).saturating_sub(kept.start));
        track.layout.frames = claimed.map_or(Frames::Unknown, Frames::Claimed);
        let time = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        track.kept = time(kept.start)..time(kept.end);
        Ok(Self { track, of_boxes })
    }
}

impl Reader for Mp4<'_> {
    fn layout(&self) -> StreamLayout {
        self.track.layout
    }

    fn read(&mut self, block: &mut Vec<f32>) -> Result<bool, String> {
        Ok(self.track.read(block))
    }

    fn warnings(&mut self) -> Vec<String> {
        let n_there = self.track.n_kept;
        let claimed = self.track.layout.frames.number().filter(|claimed| n_there < *claimed);
        let short = || claimed.map(|claimed| format!("cut short: {n_there} of {claimed} frames are there"));
        self.track.damage.take().or_else(short).or(self.of_boxes.take()).into_iter().collect()
    }
}

/// Checks the boxes of `file`, among them its fragments, and returns a warning if the file ends inside one.
fn check_boxes(file: &mut Section) -> Result<Option<String>, String> {
    let (mut at, end) = (0, file.len());
    for _ in 0..MAX_FRAGMENTS {
        let Some((name, body)) = next_box(file, at..end)? else { break };
        at = body.end;
        if &name == b"moof" {
            for (_, track) in children(file, body)?.into_iter().filter(|(name, _)| name == b"traf") {
                for (_, run) in children(file, track)?.into_iter().filter(|(name, _)| name == b"trun") {
                    check_run(file, run)?;
                }
            }
        }
    }
    let warning = || format!("cut short: the last {} of {end} bytes are no whole box", end - at);
    Ok((at < end).then(warning))
}

/// Checks the number of blocks in a part of a fragment with the body `run`.
fn check_run(file: &mut Section, run: Range<u64>) -> Result<(), String> {
    // Flags that give each block bytes of its own: length, size, flags and offset.
    const FLAGS_OF_BLOCKS: u8 = 0x0f;
    match file.array_at::<8>(run.start)? {
        Some([_, _, flags, _, count @ ..])
            if flags & FLAGS_OF_BLOCKS == 0 && u32::from_be_bytes(count) > MAX_EQUAL_BLOCKS =>
        {
            Err(format!("damaged: a fragment claims {} blocks", u32::from_be_bytes(count)))
        }
        _ => Ok(()),
    }
}

/// The first edit of a track: a part of its frames, which is the sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Edit {
    /// Time at which the sound begins, in units of the track.
    start: u64,
    /// Length of the sound in units of the file; 0 if it goes on to the end.
    length: u64,
    /// Units per second of the track, and of the file.
    units: [u32; 2],
}

impl Edit {
    /// Finds the edit of the first audio track of `file`. A track without edits, or with several, has none.
    fn find(file: &mut Section) -> Result<Option<Self>, String> {
        let whole = 0..file.len();
        let Some(movie) = child(file, whole, b"moov")? else { return Ok(None) };
        let Some(header) = child(file, movie.clone(), b"mvhd")? else { return Ok(None) };
        let Some(of_file) = units(file, header)? else { return Ok(None) };
        for track in children(file, movie)?.into_iter().filter(|(name, _)| name == b"trak").map(|(_, body)| body) {
            let Some(media) = child(file, track.clone(), b"mdia")? else { continue };
            let Some(handler) = child(file, media.clone(), b"hdlr")? else { continue };
            if file.array_at(handler.start + 8)? != Some(*b"soun") {
                continue;
            }
            let Some(header) = child(file, media, b"mdhd")? else { return Ok(None) };
            let Some(edits) = child(file, track, b"edts")? else { return Ok(None) };
            let (Some(of_track), Some(list)) = (units(file, header)?, child(file, edits, b"elst")?) else {
                return Ok(None);
            };
            let Some((length, start)) = only_edit(file, list)? else { return Ok(None) };
            return Ok(Some(Self { start, length, units: [of_track, of_file] }));
        }
        Ok(None)
    }

    /// Returns the times of the frames that are the sound, in frames, of a track at `rate` Hz.
    fn kept(self, rate: u32) -> Range<u64> {
        let [of_track, of_file] = self.units;
        let frames = |n: u64, units: u32| {
            let frames = (u128::from(n) * u128::from(rate)).div_ceil(u128::from(units.max(1)));
            u64::try_from(frames).unwrap_or(u64::MAX)
        };
        let start = frames(self.start, of_track);
        let length = if self.length == 0 { u64::MAX } else { frames(self.length, of_file) };
        start..start.saturating_add(length)
    }
}

/// Returns length and start of the only edit in the list with the body `list` that is not empty; `None` if there are
/// several.
fn only_edit(file: &mut Section, list: Range<u64>) -> Result<Option<(u64, u64)>, String> {
    let Some([version, _, _, _, count @ ..]) = file.array_at::<8>(list.start)? else { return Ok(None) };
    let (mut at, mut found) = (list.start + 8, None);
    for _ in 0..u32::from_be_bytes(count).min(MAX_BOXES as u32) {
        let (length, start) = if version == 0 {
            let Some([a, b, c, d, start @ ..]) = file.array_at::<8>(at)? else { return Ok(None) };
            at += 12;
            (u32::from_be_bytes([a, b, c, d]).into(), i32::from_be_bytes(start).into())
        } else {
            let (Some(length), Some(start)) = (file.array_at(at)?, file.array_at(at + 8)?) else { return Ok(None) };
            at += 20;
            (u64::from_be_bytes(length), i64::from_be_bytes(start))
        };
        // A negative start is a pause before the sound.
        if let Ok(start) = u64::try_from(start) {
            if found.is_some() {
                return Ok(None);
            }
            found = Some((length, start));
        }
    }
    Ok(found)
}

/// Returns the units per second that a header with the body `header` (mvhd or mdhd) names.
fn units(file: &mut Section, header: Range<u64>) -> Result<Option<u32>, String> {
    let version = file.array_at::<1>(header.start)?;
    let at = header.start + if version == Some([0]) { 12 } else { 20 };
    Ok(file.array_at(at)?.map(u32::from_be_bytes))
}

/// Returns the body of the first box `name` in `range`.
fn child(file: &mut Section, range: Range<u64>, name: &[u8; 4]) -> Result<Option<Range<u64>>, String> {
    Ok(children(file, range)?.into_iter().find(|(found, _)| found == name).map(|(_, body)| body))
}

/// Returns names and bodies of the boxes in `range`.
fn children(file: &mut Section, mut range: Range<u64>) -> Result<Vec<NamedBox>, String> {
    let mut found = Vec::new();
    while found.len() < MAX_BOXES
        && let Some((name, body)) = next_box(file, range.clone())?
    {
        range.start = body.end;
        found.push((name, body));
    }
    Ok(found)
}

/// Returns name and body of the box at the beginning of `range`, if it ends there as well.
fn next_box(file: &mut Section, range: Range<u64>) -> Result<Option<NamedBox>, String> {
    let at = range.start;
    if at >= range.end {
        return Ok(None);
    }
    let Some([a, b, c, d, name @ ..]) = file.array_at::<8>(at)? else { return Ok(None) };
    let (length, header) = match u32::from_be_bytes([a, b, c, d]) {
        0 => (range.end - at, 8),
        1 => (file.array_at(at + 8)?.map_or(0, u64::from_be_bytes), 16),
        length => (length.into(), 8),
    };
    let end = at.saturating_add(length);
    Ok((length >= header && end <= range.end).then_some((name, at + header..end)))
}
