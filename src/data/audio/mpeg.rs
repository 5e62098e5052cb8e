//! MP3, MP2 and AAC files: nothing but frames, each with a header of its own.
//!
//! Symphonia's readers look for the next frame when one is not where it must be, without a word. The sound after a gap
//! would be at the wrong time, so frames are found here, and Symphonia decodes them. The encoder's delay and padding
//! are cut off where the file says how long they are, as Symphonia does it: LAME and Lavf write it into the first
//! frame.

use symphonia::core::audio::layouts::{CHANNEL_LAYOUT_MONO, CHANNEL_LAYOUT_STEREO};
use symphonia::core::codecs::audio::well_known::{CODEC_ID_AAC, CODEC_ID_MP2, CODEC_ID_MP3};
use symphonia::core::codecs::audio::{AudioCodecId, AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::packet::Packet;
use symphonia::core::units::{Duration, Timestamp};

use super::reader::{Frames, Reader, StreamLayout};
use super::recognise::CONVERT;
use super::section::Section;
use super::tags;
use super::track::reason;

/// Number of bytes at the start in which the first frame is searched.
const SEARCHED_BYTES: usize = 1 << 16;
/// Number of bytes that are read at a time.
const BLOCK_BYTES: usize = 1 << 16;
/// Bytes of the longest header, of AAC with a checksum.
const MAX_HEADER_BYTES: usize = 9;
/// Delay of the decoder, which LAME does not count.
const DECODER_DELAY: u64 = 529;

/// A reader of frames up to the end of the file or to the first that is damaged or missing.
pub(super) struct Mpeg<'a> {
    file: Section<'a>,
    decoder: Box<dyn AudioDecoder>,
    first: FrameHeader,
    gaps: Gaps,
    /// Position of the next frame in the file.
    at: u64,
    /// Bytes of the file from `ahead_at` on.
    ahead: Vec<u8>,
    ahead_at: u64,
    n_decoded: u64,
    n_kept: u64,
    warnings: Vec<String>,
}

impl<'a> Mpeg<'a> {
    pub fn open(mut file: Section<'a>) -> Result<Self, String> {
        let end = tags::start_of_back(&mut file)?;
        let mut file = file.narrowed(0..end)?;
        let ahead = file.bytes_at(0, SEARCHED_BYTES)?;
        let (at, first) = first_frame(&ahead, ahead.len() as u64 == end).ok_or_else(|| {
            format!("damaged, or no sound: no frame of an MP3 or AAC file is in its first {} bytes", ahead.len())
        })?;
        first.check()?;
        let skipped = ahead[..at].iter().any(|&byte| byte != 0);
        let warning = skipped.then(|| format!("its first {at} bytes are damaged: they are no whole frame"));
        let gaps = Gaps::of(&ahead[at..][..first.n_bytes.min(ahead.len() - at)], &first);
        let at = at + if gaps.is_frame { first.n_bytes } else { 0 };
        let channels = if first.channels == 1 { CHANNEL_LAYOUT_MONO } else { CHANNEL_LAYOUT_STEREO };
        let mut params = AudioCodecParameters::new();
        params.for_codec(first.codec).with_sample_rate(first.rate).with_channels(channels);
        let decoder = symphonia::default::get_codecs()
            .make_audio_decoder(&params, &AudioDecoderOptions::default())
            .map_err(reason)?;
        let warnings = warning.into_iter().collect();
        let (at, ahead_at) = (at as u64, 0);
        Ok(Self { file, decoder, first, gaps, at, ahead, ahead_at, n_decoded: 0, n_kept: 0, warnings })
    }

    /// Returns up to `n` bytes from the next frame on.
    fn ahead(&mut self, n: usize) -> Result<&[u8], String> {
        let end = self.ahead_at + self.ahead.len() as u64;
        if self.at + n as u64 > end && end < self.file.len() || self.at > end {
            self.ahead = self.file.bytes_at(self.at, BLOCK_BYTES.max(n))?;
            self.ahead_at = self.at;
        }
        let ahead = &self.ahead[(self.at - self.ahead_at) as usize..];
        Ok(&ahead[..n.min(ahead.len())])
    }

    /// Returns the bytes of the next frame without the part of its header that the decoder does not take; `None` at the
    /// end, or at damage.
    fn next_frame(&mut self) -> Result<Option<Packet>, String> {
        let (first, n_decoded) = (self.first, self.n_decoded);
        let header = self.ahead(MAX_HEADER_BYTES)?;
        if header.is_empty() {
            return Ok(None);
        }
        let Some(header) = FrameHeader::parse(header).filter(|header| header.continues(&first)) else {
            if !self.only_zeros_follow()? {
                let at = self.file.start() + self.at;
                self.warnings.push(format!("damaged after {n_decoded} frames: no frame follows at byte {at}"));
            }
            return Ok(None);
        };
        let bytes = self.ahead(header.n_bytes)?;
        if bytes.len() < header.n_bytes {
            self.warnings.push(format!("cut short after {n_decoded} frames: the last block is not whole"));
            return Ok(None);
        }
        let (time, length) = (Timestamp::new(n_decoded.cast_signed()), Duration::new(header.n_frames));
        let packet = Packet::new(0, time, length, &bytes[header.n_skipped..]);
        self.at += header.n_bytes as u64;
        Ok(Some(packet))
    }

    /// Returns whether the rest of the file is filled with zeros.
    fn only_zeros_follow(&mut self) -> Result<bool, String> {
        let mut at = self.at;
        loop {
            let bytes = self.file.bytes_at(at, BLOCK_BYTES)?;
            if bytes.iter().any(|&byte| byte != 0) {
                return Ok(false);
            }
            if bytes.is_empty() {
                return Ok(true);
            }
            at += bytes.len() as u64;
        }
    }
}

impl Reader for Mpeg<'_> {
    fn layout(&self) -> StreamLayout {
        let FrameHeader { rate, channels, .. } = self.first;
        StreamLayout { rate, channels, frames: self.gaps.n_kept().map_or(Frames::Unknown, Frames::Claimed) }
    }

    fn read(&mut self, block: &mut Vec<f32>) -> Result<bool, String> {
        block.clear();
        let Some(packet) = self.next_frame()? else { return Ok(false) };
        match self.decoder.decode(&packet) {
            Ok(decoded) => decoded.copy_to_vec_interleaved(block),
            Err(error) => {
                let (n_decoded, why) = (self.n_decoded, reason(error));
                self.warnings.push(format!("damaged after {n_decoded} frames: {why}"));
                return Ok(false);
            }
        }
        let n_channels = usize::from(self.first.channels);
        let n_frames = (block.len() / n_channels) as u64;
        let kept = self.gaps.kept(self.n_decoded, n_frames);
        self.n_decoded += n_frames;
        self.n_kept += kept.end - kept.start;
        block.truncate(kept.end as usize * n_channels);
        block.drain(..kept.start as usize * n_channels);
        Ok(true)
    }

    fn warnings(&mut self) -> Vec<String> {
        let (n_kept, claimed) = (self.n_kept, self.gaps.n_kept());
        match claimed {
            Some(claimed) if n_kept < claimed && self.warnings.is_empty() => {
                self.warnings.push(format!("cut short: {n_kept} of {claimed} frames are there"));
            }
            Some(claimed) if n_kept > claimed => {
                self.warnings.push(format!("the header claims {claimed} frames, {n_kept} are there"));
            }
            _ => {}
        }
        std::mem::take(&mut self.warnings)
    }
}

/// Finds the first frame in `bytes`, the beginning of a file: a header behind which another follows, or nothing if
/// `is_whole` says that `bytes` are the whole file.
fn first_frame(bytes: &[u8], is_whole: bool) -> Option<(usize, FrameHeader)> {
    (0..bytes.len()).find_map(|at| {
        let header = FrameHeader::parse(&bytes[at..])?;
        let next = bytes.get(at + header.n_bytes..)?;
        let is_end = is_whole && next.len() < MAX_HEADER_BYTES;
        let is_followed = FrameHeader::parse(next).is_some_and(|next| next.continues(&header));
        (is_end || is_followed).then_some((at, header))
    })
}

/// The header of a frame.
#[derive(Debug, Clone, Copy)]
struct FrameHeader {
    codec: AudioCodecId,
    /// Bytes of the frame with its header.
    n_bytes: usize,
    /// Bytes in front that the decoder does not take.
    n_skipped: usize,
    /// Number of frames of sound.
    n_frames: u64,
    rate: u32,
    /// Number of channels; 0 if it is not in the header.
    channels: u16,
    /// Whether the decoder knows the profile.
    is_known: bool,
    /// Bytes between the header and the main data of MP3.
    n_side: usize,
}

impl FrameHeader {
    fn parse(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0xff, second, ..] if second & 0xf6 == 0xf0 => Self::parse_adts(bytes),
            [0xff, second, ..] if second & 0xe0 == 0xe0 => Self::parse_mpeg(bytes),
            _ => None,
        }
    }

    fn parse_mpeg(bytes: &[u8]) -> Option<Self> {
        // Kilobits per second by the number in the header: of MPEG 1, layers 3 and 2, and of MPEG 2 and 2.5.
        const BITRATES: [[usize; 14]; 3] = [
            [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
            [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
            [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
        ];
        const RATES: [u32; 3] = [44_100, 48_000, 32_000];
        let [_, second, third, fourth, ..] = *bytes else { return None };
        // Versions 2.5, 2 and 1 are coded as 0, 2 and 3; layers 3 and 2 as 1 and 2.
        let (version, layer) = (second >> 3 & 3, second >> 1 & 3);
        let is_mpeg1 = version == 3;
        let (codec, table) = match (version, layer) {
            (1, _) | (_, 0 | 3) => return None,
            (3, 1) => (CODEC_ID_MP3, 0),
            (3, _) => (CODEC_ID_MP2, 1),
            (_, 1) => (CODEC_ID_MP3, 2),
            _ => (CODEC_ID_MP2, 2),
        };
        let bits = 1000 * BITRATES[table].get(usize::from(third >> 4).checked_sub(1)?)?;
        let rate = RATES.get(usize::from(third >> 2 & 3))? >> if is_mpeg1 { 0 } else { u32::from(version == 0) + 1 };
        let n_frames = if codec == CODEC_ID_MP3 && !is_mpeg1 { 576 } else { 1152 };
        let channels = if fourth >> 6 == 3 { 1 } else { 2 };
        Some(Self {
            codec,
            n_bytes: n_frames / 8 * bits / rate as usize + usize::from(third >> 1 & 1),
            n_skipped: 0,
            n_frames: n_frames as u64,
            rate,
            channels,
            is_known: true,
            n_side: match (is_mpeg1, channels) {
                (true, 2) => 32,
                (false, 1) => 9,
                _ => 17,
            },
        })
    }

    fn parse_adts(bytes: &[u8]) -> Option<Self> {
        const RATES: [u32; 13] =
            [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];
        const LOW_COMPLEXITY: u8 = 1;
        let [_, second, third, fourth, fifth, sixth, seventh, ..] = *bytes else { return None };
        let n_skipped = if second & 1 == 1 { 7 } else { 9 };
        let n_bytes = usize::from(fourth & 3) << 11 | usize::from(fifth) << 3 | usize::from(sixth) >> 5;
        let channels = (third & 1) << 2 | fourth >> 6;
        (n_bytes > n_skipped).then_some(())?;
        Some(Self {
            codec: CODEC_ID_AAC,
            n_bytes,
            n_skipped,
            n_frames: 1024,
            rate: *RATES.get(usize::from(third >> 2 & 15))?,
            channels: channels.into(),
            // A frame may hold up to four blocks, which no known encoder uses.
            is_known: third >> 6 == LOW_COMPLEXITY && seventh & 3 == 0,
            n_side: 0,
        })
    }

    /// Returns whether a frame with this header can follow one with the header `other`.
    fn continues(&self, other: &Self) -> bool {
        let of = |header: &Self| (header.codec, header.rate, header.channels, header.is_known);
        of(self) == of(other)
    }

    /// Returns an error if Symphonia cannot decode such frames.
    fn check(&self) -> Result<(), String> {
        if self.is_known && (1..=2).contains(&self.channels) {
            return Ok(());
        }
        Err(format!("unsupported kind of AAC: only low complexity with one or two channels is read; {CONVERT}"))
    }
}

/// Frames at the ends that are not part of the sound, as the first frame tells (the tag "Xing" or "Info", with LAME's
/// extension).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Gaps {
    /// Whether the first frame holds a tag and no sound.
    is_frame: bool,
    /// Number of frames of the whole file, with delay and padding.
    n_frames: Option<u64>,
    delay: u64,
    padding: u64,
}

impl Gaps {
    /// Reads the tag in the frame `bytes`.
    fn of(bytes: &[u8], header: &FrameHeader) -> Self {
        Self::parse(bytes, header).unwrap_or_default()
    }

    fn parse(bytes: &[u8], header: &FrameHeader) -> Option<Self> {
        const ENCODERS: [&[u8]; 3] = [b"LAME", b"Lavf", b"Lavc"];
        if header.codec != CODEC_ID_MP3 {
            return None;
        }
        let number = |bytes: &[u8]| bytes.first_chunk().map(|bytes| u64::from(u32::from_be_bytes(*bytes)));
        if let Some(tag) = bytes.get(36..).filter(|tag| tag.starts_with(b"VBRI")) {
            let n_frames = tag.get(14..).and_then(number).map(|n| n * header.n_frames);
            return Some(Self { is_frame: true, n_frames, ..Self::default() });
        }
        let tag = bytes.get(4 + header.n_side..).filter(|tag| tag.starts_with(b"Xing") || tag.starts_with(b"Info"))?;
        let mut gaps = Self { is_frame: true, ..Self::default() };
        let (Some(flags), mut rest) = (tag.get(4..).and_then(number), tag.get(8..)?) else { return Some(gaps) };
        for (flag, n_bytes) in [(1, 4), (2, 4), (4, 100), (8, 4)] {
            if flags & flag != 0 {
                gaps.n_frames = if flag == 1 { number(rest).map(|n| n * header.n_frames) } else { gaps.n_frames };
                let Some(next) = rest.get(n_bytes..) else { return Some(gaps) };
                rest = next;
            }
        }
        if let Some([a, b, c]) = rest.get(21..24).filter(|_| ENCODERS.iter().any(|name| rest.starts_with(name))) {
            gaps.delay = DECODER_DELAY + (u64::from(*a) << 4 | u64::from(b >> 4));
            gaps.padding = (u64::from(b & 15) << 8 | u64::from(*c)).saturating_sub(DECODER_DELAY);
        }
        Some(gaps)
    }

    /// Returns the number of frames of the sound, if the tag has it.
    fn n_kept(&self) -> Option<u64> {
        self.n_frames.map(|n| n.saturating_sub(self.delay + self.padding))
    }

    /// Returns the part of the next `n` frames that is sound, after `before` frames.
    fn kept(&self, before: u64, n: u64) -> std::ops::Range<u64> {
        let start = self.delay.saturating_sub(before).min(n);
        // Frames behind the end that the tag names are sound that the tag does not know, and no padding.
        let is_known = self.n_frames.is_none_or(|n_frames| before < n_frames);
        let end = match self.n_kept().filter(|_| is_known) {
            Some(n_kept) => (self.delay + n_kept).saturating_sub(before).min(n),
            None => n,
        };
        start.min(end)..end
    }
}
