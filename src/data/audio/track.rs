//! The audio track of a container, demultiplexed and decoded by Symphonia.
//!
//! A track ends at the first damage, because the sound after it would be at the wrong time. Symphonia skips damage.
//! Therefore this module checks that packets follow one another.

use std::io::ErrorKind;
use std::ops::Range;

use symphonia::core::codecs::audio::well_known::{CODEC_ID_FLAC, CODEC_ID_OPUS};
use symphonia::core::codecs::audio::{AudioCodecId, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::{FormatReader, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream};
use symphonia::core::units::Duration;

use super::reader::{Frames, StreamLayout};
use super::recognise::CONVERT;

/// Contents of a container, and the meaning of its times.
pub(super) struct Rules {
    /// Name of the container, for messages.
    pub container: &'static str,
    /// Codecs that are read.
    pub codecs: &'static [AudioCodecId],
    /// Names of these codecs, for messages.
    pub codec_names: &'static str,
    /// Whether the times of packets are exact, so that a packet must not begin before the one in front of it ends.
    pub is_exact: bool,
}

/// The audio track of a file while it is decoded, up to its end or to the first damage.
pub(super) struct Track<'a> {
    reader: Box<dyn FormatReader + 'a>,
    decoder: Box<dyn AudioDecoder>,
    rules: Rules,
    /// Number of the track.
    pub id: u32,
    pub layout: StreamLayout,
    /// Times of the frames that are kept, in frames.
    pub kept: Range<i64>,
    /// Time of the first decoded frame, in frames; `None` before there is one.
    pub start: Option<i64>,
    /// Number of frames that were kept.
    pub n_kept: u64,
    /// Number of bytes of the track's packets.
    pub n_bytes: u64,
    pub damage: Option<String>,
    n_decoded: u64,
}

impl<'a> Track<'a> {
    /// Begins to decode the first audio track of `reader`.
    pub fn new(reader: Box<dyn FormatReader + 'a>, rules: Rules) -> Result<Self, String> {
        let Rules { container, codec_names, .. } = rules;
        let track = reader.default_track(TrackType::Audio).ok_or_else(|| format!("no {codec_names} stream"))?;
        let params = track.codec_params.as_ref().and_then(|p| p.audio()).ok_or("no codec parameters")?;
        if !rules.codecs.contains(&params.codec) {
            let codec = name(params.codec);
            return Err(format!("unsupported codec {codec} in {container}: only {codec_names} is read; {CONVERT}"));
        }
        let (id, claimed) = (track.id, track.num_frames);
        let decoder = symphonia::default::get_codecs()
            .make_audio_decoder(params, &AudioDecoderOptions::default())
            .map_err(reason)?;
        let spec = decoder.last_decoded().spec().clone();
        let n_channels = spec.channels().count();
        let channels = u16::try_from(n_channels).map_err(|_| format!("bad channel count {n_channels}"))?;
        let frames = claimed.map_or(Frames::Unknown, Frames::Claimed);
        let layout = StreamLayout { rate: spec.rate(), channels, frames };
        Ok(Self {
            reader,
            decoder,
            rules,
            id,
            layout,
            kept: i64::MIN..i64::MAX,
            start: None,
            n_kept: 0,
            n_bytes: 0,
            damage: None,
            n_decoded: 0,
        })
    }

    /// Replaces `block` by the next frames, and returns whether there were more. Damage ends the track and is noted.
    pub fn read(&mut self, block: &mut Vec<f32>) -> bool {
        match self.next_frames(block) {
            Ok(is_more) => is_more,
            Err(why) => {
                self.damage = Some(format!("damaged after {} frames: {why}", self.n_decoded));
                false
            }
        }
    }

    fn next_frames(&mut self, block: &mut Vec<f32>) -> Result<bool, String> {
        block.clear();
        let mut packet = match self.reader.next_packet() {
            Ok(Some(packet)) if packet.track_id == self.id => packet,
            Ok(Some(_)) => return Ok(true),
            Ok(None) => return Ok(false),
            Err(Error::IoError(error)) if error.kind() == ErrorKind::UnexpectedEof => return Ok(false),
            Err(error) => return Err(reason(error)),
        };
        let time = packet.pts.get();
        let start = *self.start.get_or_insert(time.saturating_add_unsigned(packet.trim_start.get()));
        let expected = start.saturating_add_unsigned(self.n_decoded);
        if time > expected || (self.rules.is_exact && time < expected) {
            return Err(format!("the next frame is at {time}"));
        }
        self.n_bytes += packet.data.len() as u64;
        // Symphonia's trimming is disabled, because it is guessed, and containers have the exact length. The decoder
        // itself drops the first block of a Vorbis stream, which only fills the overlap.
        (packet.trim_start, packet.trim_end) = (Duration::ZERO, Duration::ZERO);
        self.decoder.decode(&packet).map_err(reason)?.copy_to_vec_interleaved(block);
        let n_channels = usize::from(self.layout.channels);
        let n_decoded = block.len() / n_channels;
        let of_block = |time: i64| usize::try_from(time.saturating_sub(expected)).unwrap_or(0).min(n_decoded);
        let kept = of_block(self.kept.start)..of_block(self.kept.end);
        self.n_decoded += n_decoded as u64;
        self.n_kept += kept.len() as u64;
        block.truncate(kept.end * n_channels);
        block.drain(..kept.start.min(kept.end) * n_channels);
        Ok(true)
    }
}

/// Makes the stream that Symphonia's readers take.
pub(super) fn stream<'s>(source: impl MediaSource + 's) -> MediaSourceStream<'s> {
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
pub(super) fn reason(error: Error) -> String {
    match error {
        Error::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => "truncated header".into(),
        error => error.to_string(),
    }
}
