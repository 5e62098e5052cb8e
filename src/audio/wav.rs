//! WAV: finds the format and the data in a RIFF file, repairs what its header gets wrong, and has hound decode it.
//!
//! hound refuses a data chunk that is longer than the file, ends inside a frame or follows an odd chunk's pad byte, and
//! takes the valid bits of an extensible header for the scale. So it is given a plain header written anew from what is
//! really there.

use std::io::Read;

use hound::{SampleFormat, WavReader};

use super::decode::Pcm;

const PCM: u16 = 1;
const IEEE_FLOAT: u16 = 3;
const EXTENSIBLE: u16 = 0xfffe;
/// What follows the codec in the sub-format of an extensible header if it is one of the registered codecs.
const SUB_FORMAT_TAIL: [u8; 14] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];
/// The size that a program gives to a data chunk while it cannot know it.
const SIZE_UNKNOWN: usize = u32::MAX as usize;

/// Reads the frames that are there; errors and warnings are in the format's terms.
pub(super) fn read(bytes: &[u8]) -> Result<Pcm, String> {
    let chunks = Chunks::find(bytes)?;
    let format = Format::parse(chunks.format)?;
    let frame_bytes = usize::from(format.frame_bytes);
    let whole = chunks.data.len() / frame_bytes * frame_bytes;
    let warning = if chunks.claimed != SIZE_UNKNOWN && chunks.claimed > chunks.data.len() {
        Some(format!("the data chunk claims {} bytes, {} are there", chunks.claimed, chunks.data.len()))
    } else if whole < chunks.data.len() {
        Some("the data end inside a frame".into())
    } else {
        None
    };
    let interleaved = format.decode(&chunks.data[..whole])?;
    Ok(Pcm { rate: format.rate, channels: format.channels, interleaved, warning })
}

/// The two chunks that matter.
struct Chunks<'a> {
    format: &'a [u8],
    /// The part of the data chunk that is in the file.
    data: &'a [u8],
    /// The length its header claims, in bytes.
    claimed: usize,
}

impl<'a> Chunks<'a> {
    fn find(bytes: &'a [u8]) -> Result<Self, String> {
        if bytes.get(8..12) != Some(b"WAVE") {
            return Err("RIFF, but not a WAVE file".into());
        }
        let mut format = None;
        let mut rest = &bytes[12..];
        while let Some((header, body)) = rest.split_first_chunk::<8>() {
            let claimed = u32::from_le_bytes([header[4], header[5], header[6], header[7]]) as usize;
            let present = &body[..claimed.min(body.len())];
            match &header[..4] {
                b"data" => {
                    return Ok(Self { format: format.ok_or("no fmt chunk before the data")?, data: present, claimed });
                }
                b"fmt " if present.len() < claimed => return Err("truncated header".into()),
                b"fmt " => format = Some(present),
                _ => {}
            }
            // A chunk of odd length is followed by one byte of padding.
            rest = &body[claimed.next_multiple_of(2).min(body.len())..];
        }
        Err(if format.is_some() { "no data chunk" } else { "truncated header: no fmt chunk" }.into())
    }
}

/// How the samples are stored.
struct Format {
    /// [`PCM`] or [`IEEE_FLOAT`].
    codec: u16,
    channels: u16,
    rate: u32,
    /// Bytes of one sample of every channel.
    frame_bytes: u16,
    /// Bits of a sample that carry its value, a multiple of 8.
    bits: u16,
}

impl Format {
    fn parse(chunk: &[u8]) -> Result<Self, String> {
        if chunk.len() < 16 {
            return Err(format!("the fmt chunk has {} bytes, 16 are needed", chunk.len()));
        }
        let u16_at = |at: usize| u16::from_le_bytes([chunk[at], chunk[at + 1]]);
        let (channels, frame_bytes) = (u16_at(2), u16_at(12));
        let rate = u32::from_le_bytes([chunk[4], chunk[5], chunk[6], chunk[7]]);
        let codec = match u16_at(0) {
            EXTENSIBLE if chunk.len() >= 40 && chunk[26..40] == SUB_FORMAT_TAIL => u16_at(24),
            codec => codec,
        };
        if codec != PCM && codec != IEEE_FLOAT {
            return Err(format!("unsupported codec 0x{codec:02x}: only PCM and IEEE float are read"));
        }
        if channels == 0 {
            return Err("bad channel count 0".into());
        }
        // Fewer valid bits than the next byte boundary are stored in the upper bits, so the boundary gives the scale.
        let bits = u16_at(14).div_ceil(8).saturating_mul(8);
        if bits == 0 || frame_bytes / channels < bits / 8 || frame_bytes % channels != 0 {
            return Err(format!("{frame_bytes} bytes a frame do not hold {channels} channels of {bits} bits"));
        }
        Ok(Self { codec, channels, rate, frame_bytes, bits })
    }

    /// Decodes whole frames of `data`.
    fn decode(&self, data: &[u8]) -> Result<Vec<f32>, String> {
        // The one width that hound does not know.
        if (self.codec, self.bits, self.frame_bytes / self.channels) == (IEEE_FLOAT, 64, 8) {
            let (samples, _) = data.as_chunks::<8>();
            return Ok(samples.iter().map(|x| f64::from_le_bytes(*x) as f32).collect());
        }
        let header = self.plain_header(data.len());
        let mut reader = WavReader::new(header.as_slice().chain(data)).map_err(|e| e.to_string())?;
        let samples: Result<Vec<f32>, hound::Error> = match reader.spec().sample_format {
            SampleFormat::Float => reader.samples::<f32>().collect(),
            SampleFormat::Int => {
                let step = f64::from(1 - i32::from(self.bits)).exp2();
                reader.samples::<i32>().map(|x| x.map(|x| (f64::from(x) * step) as f32)).collect()
            }
        };
        samples.map_err(|e| e.to_string())
    }

    /// The header of a RIFF file with a 16-byte fmt chunk and `n_bytes` of data.
    fn plain_header(&self, n_bytes: usize) -> Vec<u8> {
        let n_bytes = n_bytes as u32; // A chunk's length is 32 bits wide.
        let mut header = Vec::with_capacity(44);
        header.extend(b"RIFF");
        header.extend(n_bytes.saturating_add(36).to_le_bytes());
        header.extend(b"WAVEfmt ");
        header.extend(16u32.to_le_bytes());
        header.extend(self.codec.to_le_bytes());
        header.extend(self.channels.to_le_bytes());
        header.extend(self.rate.to_le_bytes());
        header.extend(self.rate.saturating_mul(self.frame_bytes.into()).to_le_bytes());
        header.extend(self.frame_bytes.to_le_bytes());
        header.extend(self.bits.to_le_bytes());
        header.extend(b"data");
        header.extend(n_bytes.to_le_bytes());
        header
    }
}
