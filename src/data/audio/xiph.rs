//! FLAC and Ogg Vorbis, decoded by Symphonia.
//!
//! Both readers stop at the first damage, because the sound after it would be at the wrong time. Symphonia skips
//! damage. Therefore this module checks that packets follow one another and, for FLAC, that they cover all bytes of the
//! file; for Ogg, `ogg` checks the pages beforehand.

use std::io::{ErrorKind, Read};

use symphonia::core::codecs::audio::well_known::{CODEC_ID_FLAC, CODEC_ID_OPUS, CODEC_ID_VORBIS};
use symphonia::core::codecs::audio::{AudioCodecId, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream, ReadOnlySource};
use symphonia::core::units::Duration;
use symphonia::default::formats::{FlacReader, OggReader};

use super::mixdown::{DecodeTarget, Mixdown};
use super::ogg::Pages;
use super::recognise::CONVERT;
use super::section::Section;
use super::{Decoded, codebooks, tags};

/// Reads a FLAC file up to its end or to the first frame that is damaged or missing.
pub(super) fn read_flac(mut file: Section, target: DecodeTarget) -> Result<Decoded, String> {
    let (header, frames) = stream_info(&mut file)?;
    let frames = file.narrowed(frames)?;
    let n_bytes = frames.len();
    let mut reader = FlacReader::try_new(stream(ReadOnlySource::new(header.chain(frames))), FormatOptions::default())
        .map_err(|error| without_frames(n_bytes, error))?;
    let track = decode_track(&mut reader, CODEC_ID_FLAC, target, |_, _| 0..u64::MAX)?;
    let (n_frames, n_left) = (track.mixdown.n_frames(), n_bytes.saturating_sub(track.n_bytes));
    let warning = match (track.warning, track.mixdown.claimed) {
        (Some(warning), _) => Some(warning),
        _ if track.start > 0 => Some(format!("its first {} frames are damaged or missing", track.start)),
        (None, Some(claimed)) if n_frames < claimed => {
            Some(format!("cut short: {n_frames} of {claimed} frames are there"))
        }
        (None, Some(claimed)) if n_frames > claimed => {
            Some(format!("the header claims {claimed} frames, {n_frames} are there"))
        }
        _ if n_left > 0 => Some(format!("damaged or cut short: {n_left} of {n_bytes} bytes are no whole frame")),
        _ => None,
    };
    track.mixdown.finish(warning.into_iter().collect())
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

/// Reads the first Vorbis stream of an Ogg file up to its end or to the first page that is damaged or missing.
pub(super) fn read_ogg(mut file: Section, target: DecodeTarget) -> Result<Decoded, String> {
    let end = tags::start_of_back(&mut file)?;
    let mut file = file.narrowed(0..end)?;
    let pages = Pages::scan(&mut file)?;
    pages.setups.iter().try_for_each(|setup| codebooks::check(setup))?;
    let intact = file.narrowed(0..pages.intact)?;
    let mut reader = OggReader::try_new(stream(intact), FormatOptions::default())
        .map_err(|error| pages.warning.clone().unwrap_or_else(|| reason(error)))?;
    // A stream may start before time 0 (if its beginning is cut off) or after it (if the stream was cut out of a longer
    // one).
    let mut n_frames = 0;
    let track = decode_track(&mut reader, CODEC_ID_VORBIS, target, |id, start| {
        let end = pages.ends.get(&id).map_or(0, |end| end.granule);
        n_frames = end.saturating_sub(u64::try_from(start).unwrap_or(0));
        let n_early = u64::try_from(start.saturating_neg()).unwrap_or(0);
        n_early..n_early.saturating_add(n_frames)
    })?;
    let n_there = track.mixdown.n_frames();
    let short = || (n_there < n_frames).then(|| format!("cut short: {n_there} of {n_frames} frames are there"));
    track.mixdown.finish(pages.warning.or(track.warning).or_else(short).into_iter().collect())
}

/// A track that was decoded up to its end or to the first damage.
struct Track {
    mixdown: Mixdown,
    /// Time of the first decoded frame, in frames.
    start: i64,
    /// Number of bytes of the track's packets.
    n_bytes: u64,
    warning: Option<String>,
}

/// Decodes the file's audio track. `wanted` receives the track's number and the time of the first decoded frame, and
/// returns the range of frames to keep, counted from that frame.
fn decode_track(
    reader: &mut dyn FormatReader,
    codec: AudioCodecId,
    target: DecodeTarget,
    wanted: impl FnOnce(u32, i64) -> std::ops::Range<u64>,
) -> Result<Track, String> {
    let track = reader.default_track(TrackType::Audio).ok_or("no Vorbis stream")?;
    let params = track.codec_params.as_ref().and_then(|p| p.audio()).ok_or("no codec parameters")?;
    if params.codec != codec {
        return Err(format!("unsupported codec {} in Ogg: only Vorbis is read; {CONVERT}", name(params.codec)));
    }
    let (id, claimed) = (track.id, track.num_frames);
    let mut decoder =
        symphonia::default::get_codecs().make_audio_decoder(params, &AudioDecoderOptions::default()).map_err(reason)?;
    let spec = decoder.last_decoded().spec().clone();
    let n_channels = spec.channels().count();
    let channels = u16::try_from(n_channels).map_err(|_| format!("bad channel count {n_channels}"))?;
    let mut mixdown = Mixdown::new(target, spec.rate(), channels)?;
    mixdown.claimed = claimed;

    let mut wanted = Some(wanted);
    let (mut start, mut range) = (0, 0..0);
    let (mut n_frames, mut n_bytes) = (0_u64, 0);
    let mut block = Vec::new();
    let damage = loop {
        let mut packet = match reader.next_packet() {
            Ok(Some(packet)) if packet.track_id == id => packet,
            Ok(Some(_)) => continue,
            Ok(None) => break None,
            Err(Error::IoError(error)) if error.kind() == ErrorKind::UnexpectedEof => break None,
            Err(error) => break Some(reason(error)),
        };
        let time = packet.pts.get();
        if let Some(wanted) = wanted.take() {
            start = time.saturating_add_unsigned(packet.trim_start.get());
            range = wanted(id, start);
        }
        let expected = start.saturating_add_unsigned(n_frames);
        // FLAC frames are numbered, so their times are exact. The time of a Vorbis packet comes from its page, and the
        // first packets overlap.
        if time > expected || (codec == CODEC_ID_FLAC && time < expected) {
            break Some(format!("the next frame is at {time}"));
        }
        n_bytes += packet.data.len() as u64;
        // Symphonia's trimming is disabled, because it is guessed and the last page has the exact length. The decoder
        // itself drops the first block of a Vorbis stream, which only fills the overlap.
        (packet.trim_start, packet.trim_end) = (Duration::ZERO, Duration::ZERO);
        match decoder.decode(&packet) {
            Ok(decoded) => decoded.copy_to_vec_interleaved(&mut block),
            Err(error) => break Some(reason(error)),
        }
        let n_decoded = (block.len() / n_channels) as u64;
        let of_block = |at: u64| (at.saturating_sub(n_frames).min(n_decoded)) as usize * n_channels;
        mixdown.push(&block[of_block(range.start)..of_block(range.end)])?;
        n_frames += n_decoded;
    };
    let warning = damage.map(|why| format!("damaged after {n_frames} frames: {why}"));
    Ok(Track { mixdown, start, n_bytes, warning })
}

fn stream<'s>(source: impl MediaSource + 's) -> MediaSourceStream<'s> {
    MediaSourceStream::new(Box::new(source), Default::default())
}

fn name(codec: AudioCodecId) -> String {
    match codec {
        CODEC_ID_OPUS => "Opus".into(),
        CODEC_ID_FLAC => "FLAC".into(),
        other => other.to_string(),
    }
}

/// Returns Symphonia's message; the end of the file inside a header means that the file was cut short.
fn reason(error: Error) -> String {
    match error {
        Error::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => "truncated header".into(),
        error => error.to_string(),
    }
}
