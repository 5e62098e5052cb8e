//! FLAC and Ogg Vorbis, decoded by Symphonia.
//!
//! Both stop at the first damage, since what follows it would be at the wrong time. Symphonia skips over damage, so
//! packets are checked to follow one another, and the pages of an Ogg file are checked beforehand.

use std::io::{Cursor, ErrorKind};

use symphonia::core::codecs::audio::well_known::{CODEC_ID_FLAC, CODEC_ID_OPUS, CODEC_ID_VORBIS};
use symphonia::core::codecs::audio::{AudioCodecId, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::units::Duration;
use symphonia::default::formats::{FlacReader, OggReader};

use super::decode::Pcm;
use super::ogg::Pages;

/// Reads a FLAC file up to its end or the first frame that is damaged or missing.
pub(super) fn read_flac(bytes: &[u8]) -> Result<Pcm, String> {
    let mut reader = FlacReader::try_new(stream(bytes), FormatOptions::default()).map_err(reason)?;
    let track = decode_track(&mut reader, CODEC_ID_FLAC)?;
    Ok(if let Some(claimed) = track.n_frames { warn_if_short(track.pcm, claimed) } else { track.pcm })
}

/// Reads the first Vorbis stream of an Ogg file up to its end or the first page that is damaged or missing.
pub(super) fn read_ogg(bytes: &[u8]) -> Result<Pcm, String> {
    let pages = Pages::scan(bytes);
    let mut reader = OggReader::try_new(stream(pages.intact), FormatOptions::default())
        .map_err(|error| pages.warning.clone().unwrap_or_else(|| reason(error)))?;
    let mut track = decode_track(&mut reader, CODEC_ID_VORBIS)?;
    let n_channels = usize::from(track.pcm.channels);

    // A stream may start before time 0 (its beginning is cut) or, cut out of a longer one, after it.
    let n_early = usize::try_from(-track.start).unwrap_or(0) * n_channels;
    track.pcm.interleaved.drain(..n_early.min(track.pcm.interleaved.len()));
    let end = pages.ends.get(&track.id).map_or(0, |end| end.granule);
    let n_frames = end.saturating_sub(u64::try_from(track.start).unwrap_or(0));
    track.pcm.interleaved.truncate(usize::try_from(n_frames).unwrap_or(usize::MAX).saturating_mul(n_channels));
    track.pcm.warning = pages.warning.or(track.pcm.warning);
    Ok(warn_if_short(track.pcm, n_frames))
}

/// Adds a warning if there are fewer frames than the file claims and nothing said so yet.
fn warn_if_short(mut pcm: Pcm, claimed: u64) -> Pcm {
    let n_frames = (pcm.interleaved.len() / usize::from(pcm.channels)) as u64;
    if n_frames < claimed {
        pcm.warning.get_or_insert_with(|| format!("cut short: {n_frames} of {claimed} frames are there"));
    }
    pcm
}

struct Track {
    id: u32,
    pcm: Pcm,
    /// Time of the first decoded frame, in frames.
    start: i64,
    /// Length in frames as the file's header gives it.
    n_frames: Option<u64>,
}

fn decode_track(reader: &mut dyn FormatReader, codec: AudioCodecId) -> Result<Track, String> {
    let track = reader.default_track(TrackType::Audio).ok_or("no Vorbis stream")?;
    let params = track.codec_params.as_ref().and_then(|p| p.audio()).ok_or("no codec parameters")?;
    if params.codec != codec {
        return Err(format!("unsupported codec {} in Ogg: only Vorbis is read", name(params.codec)));
    }
    let (id, n_frames) = (track.id, track.num_frames);
    let mut decoder =
        symphonia::default::get_codecs().make_audio_decoder(params, &AudioDecoderOptions::default()).map_err(reason)?;
    let spec = decoder.last_decoded().spec().clone();
    let n_channels = spec.channels().count();
    let channels =
        u16::try_from(n_channels).ok().filter(|&n| n > 0).ok_or(format!("bad channel count {n_channels}"))?;

    let (mut interleaved, mut block) = (Vec::new(), Vec::new());
    let mut start = None;
    let mut warning = None;
    let mut stop = |interleaved: &Vec<f32>, why: String| {
        warning = Some(format!("damaged after {} frames: {why}", interleaved.len() / n_channels));
    };
    loop {
        let mut packet = match reader.next_packet() {
            Ok(Some(packet)) if packet.track_id == id => packet,
            Ok(Some(_)) => continue,
            Ok(None) => break,
            Err(Error::IoError(error)) if error.kind() == ErrorKind::UnexpectedEof => break,
            Err(error) => {
                stop(&interleaved, reason(error));
                break;
            }
        };
        let time = packet.pts.get();
        let start = *start.get_or_insert(time.saturating_add_unsigned(packet.trim_start.get()));
        if time > start.saturating_add_unsigned((interleaved.len() / n_channels) as u64) {
            stop(&interleaved, format!("the next frame is at {time}"));
            break;
        }
        // The decoder drops the first block of a Vorbis stream, which only fills the overlap; what else it would trim
        // is guessed, while the last page states the length.
        (packet.trim_start, packet.trim_end) = (Duration::ZERO, Duration::ZERO);
        match decoder.decode(&packet) {
            Ok(decoded) => decoded.copy_to_vec_interleaved(&mut block),
            Err(error) => {
                stop(&interleaved, reason(error));
                break;
            }
        }
        interleaved.extend_from_slice(&block);
    }
    let pcm = Pcm { rate: spec.rate(), channels, interleaved, warning };
    Ok(Track { id, pcm, start: start.unwrap_or(0), n_frames })
}

fn stream(bytes: &[u8]) -> MediaSourceStream<'_> {
    MediaSourceStream::new(Box::new(Cursor::new(bytes)), Default::default())
}

fn name(codec: AudioCodecId) -> String {
    match codec {
        CODEC_ID_OPUS => "Opus".into(),
        CODEC_ID_FLAC => "FLAC".into(),
        other => other.to_string(),
    }
}

/// Symphonia's words; the end of the file in the middle of a header is a cut file.
fn reason(error: Error) -> String {
    match error {
        Error::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => "truncated header".into(),
        error => error.to_string(),
    }
}
