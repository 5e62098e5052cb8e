//! WAV: the encoding of the samples in a RIFF file, and decoding by hound.
//!
//! hound refuses a data chunk that is longer than the file, ends inside a frame or follows the padding byte of an odd
//! chunk, and it scales extensible formats by their valid bits. Therefore hound receives blocks of whole frames, each
//! with a plain header in front.

use std::io::{Read, Seek, SeekFrom};

use hound::{SampleFormat, WavReader};

use super::Decoded;
use super::mixdown::{DecodeTarget, Mixdown};
use super::recognise::CONVERT;
use super::riff::Chunks;
use super::section::{Section, unreadable};

const PCM: u16 = 1;
const IEEE_FLOAT: u16 = 3;
const EXTENSIBLE: u16 = 0xfffe;
/// The bytes after the codec in the sub-format of an extensible header: for registered codecs, and for ambisonic sound
/// in B-format, whose channels are stored in the same way.
const SUB_FORMAT_TAILS: [[u8; 14]; 2] = [
    [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71],
    [0, 0, 0x21, 0x07, 0xd3, 0x11, 0x86, 0x44, 0xc8, 0xc1, 0xca, 0, 0, 0],
];

/// Size of the blocks that are decoded at a time; a single larger frame is a block of its own.
const BLOCK_BYTES: usize = 1 << 18;

/// Reads all complete frames of a WAV file. Errors and warnings use the terms of the format.
pub(super) fn read(mut file: Section, target: DecodeTarget) -> Result<Decoded, String> {
    let Chunks { format, data, mut warnings } = Chunks::find(&mut file)?;
    let format = SampleEncoding::parse(&format)?;
    let mut mixdown = Mixdown::new(target, format.rate, format.channels)?;
    let frame_bytes = usize::from(format.frame_bytes);
    let n_frames = (data.end - data.start) / frame_bytes as u64;
    if n_frames * (frame_bytes as u64) < data.end - data.start {
        warnings.push("the data end inside a frame".into());
    }
    mixdown.claimed = Some(n_frames);
    mixdown.allow(n_frames)?;

    file.seek(SeekFrom::Start(data.start)).map_err(unreadable)?;
    let mut block = vec![0; (BLOCK_BYTES / frame_bytes).max(1) * frame_bytes];
    let mut rest = n_frames * frame_bytes as u64;
    while rest > 0 {
        let block_bytes = block.len().min(usize::try_from(rest).unwrap_or(usize::MAX));
        let block = &mut block[..block_bytes];
        file.read_exact(block).map_err(unreadable)?;
        mixdown.push(&format.decode(block)?)?;
        rest -= block.len() as u64;
    }
    mixdown.finish(warnings)
}

/// The encoding of the samples.
struct SampleEncoding {
    /// [`PCM`] or [`IEEE_FLOAT`].
    codec: u16,
    channels: u16,
    rate: u32,
    /// Bytes of one sample of every channel.
    frame_bytes: u16,
    /// Bits of a sample that carry its value, a multiple of 8.
    bits: u16,
}

impl SampleEncoding {
    fn parse(chunk: &[u8]) -> Result<Self, String> {
        if chunk.len() < 16 {
            return Err(format!("the fmt chunk has {} bytes, 16 are needed", chunk.len()));
        }
        let u16_at = |at: usize| u16::from_le_bytes([chunk[at], chunk[at + 1]]);
        let (channels, frame_bytes) = (u16_at(2), u16_at(12));
        let rate = u32::from_le_bytes([chunk[4], chunk[5], chunk[6], chunk[7]]);
        let codec = match u16_at(0) {
            EXTENSIBLE if chunk.len() >= 40 && SUB_FORMAT_TAILS.iter().any(|tail| chunk[26..40] == *tail) => u16_at(24),
            codec => codec,
        };
        if codec != PCM && codec != IEEE_FLOAT {
            return Err(format!("unsupported codec 0x{codec:02x}: only PCM and IEEE float are read; {CONVERT}"));
        }
        if channels == 0 {
            return Err("bad channel count 0".into());
        }
        // If a sample has fewer valid bits than its bytes, they are the upper bits. The number of bytes therefore
        // determines the scale.
        let bits = u16_at(14).div_ceil(8).saturating_mul(8);
        if bits == 0 || frame_bytes / channels < bits / 8 || frame_bytes % channels != 0 {
            return Err(format!("{frame_bytes} bytes a frame do not hold {channels} channels of {bits} bits"));
        }
        Ok(Self { codec, channels, rate, frame_bytes, bits })
    }

    /// Decodes `data`, which consists of whole frames.
    fn decode(&self, data: &[u8]) -> Result<Vec<f32>, String> {
        // Floats of 64 bits are the one width that hound does not support.
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

    /// Returns the header of a RIFF file with a fmt chunk of 16 bytes and `n_bytes` of data.
    fn plain_header(&self, n_bytes: usize) -> Vec<u8> {
        let n_bytes = n_bytes as u32; // A block's length is far below 2^32.
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
