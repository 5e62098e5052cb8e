//! Uncompressed samples, as WAV, RF64, Wave64, AIFF and CAF hold them, decoded by hound.
//!
//! hound refuses a data chunk that is longer than the file, ends inside a frame or follows the padding byte of an odd
//! chunk, and it scales extensible formats by their valid bits. Therefore hound receives blocks of whole frames, each
//! with a plain header in front, and in the byte order of WAV.

use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

use hound::{SampleFormat, WavReader};

use super::reader::{Frames, Reader, StreamLayout};
use super::section::{Section, unreadable};

/// Size of the blocks that are decoded at a time; a single larger frame is a block of its own.
const BLOCK_BYTES: usize = 1 << 18;

/// The kind of number that a sample is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    Integer,
    Float,
}

/// The encoding of the samples.
#[derive(Debug, Clone, Copy)]
pub(super) struct Encoding {
    pub codec: Codec,
    pub channels: u16,
    pub rate: u32,
    /// Bytes of one sample of every channel.
    pub frame_bytes: u16,
    /// Bits of a sample that carry its value, a multiple of 8.
    pub bits: u16,
    /// Whether the first byte of a sample is its highest.
    pub is_big_endian: bool,
    /// Whether 0 is silence. The middle of the range is silence otherwise.
    pub is_signed: bool,
}

/// Position and encoding of a file's samples, as its chunks describe them.
pub(super) struct PcmSamples {
    pub encoding: Encoding,
    /// Byte range of the samples in the file.
    pub data: Range<u64>,
    /// Warnings about lengths in headers that disagree with the file.
    pub warnings: Vec<String>,
}

/// A reader of all whole frames.
pub(super) struct PcmReader<'a> {
    file: Section<'a>,
    encoding: Encoding,
    n_frames: u64,
    /// Bytes of whole frames that are still to be read.
    rest: u64,
    bytes: Vec<u8>,
    warnings: Vec<String>,
}

impl<'a> PcmReader<'a> {
    /// Begins to read `samples` from `file`.
    pub fn new(mut file: Section<'a>, samples: PcmSamples) -> Result<Self, String> {
        let PcmSamples { encoding, data, mut warnings } = samples;
        let (frame_bytes, n_bytes) = (u64::from(encoding.frame_bytes), data.end - data.start);
        let n_frames = n_bytes / frame_bytes;
        if n_frames * frame_bytes < n_bytes {
            warnings.push("the data end inside a frame".into());
        }
        file.seek(SeekFrom::Start(data.start)).map_err(unreadable)?;
        Ok(Self { file, encoding, n_frames, rest: n_frames * frame_bytes, bytes: Vec::new(), warnings })
    }
}

impl Reader for PcmReader<'_> {
    fn layout(&self) -> StreamLayout {
        let Encoding { rate, channels, .. } = self.encoding;
        StreamLayout { rate, channels, frames: Frames::There(self.n_frames) }
    }

    fn read(&mut self, block: &mut Vec<f32>) -> Result<bool, String> {
        if self.rest == 0 {
            return Ok(false);
        }
        let frame_bytes = usize::from(self.encoding.frame_bytes);
        let n_bytes = (BLOCK_BYTES / frame_bytes).max(1) * frame_bytes;
        self.bytes.resize(n_bytes.min(usize::try_from(self.rest).unwrap_or(usize::MAX)), 0);
        self.file.read_exact(&mut self.bytes).map_err(unreadable)?;
        self.rest -= self.bytes.len() as u64;
        self.encoding.decode(&mut self.bytes, block)?;
        Ok(true)
    }

    fn warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }
}

impl Encoding {
    /// Replaces `samples` by those of `data`, which consists of whole frames and is changed.
    fn decode(&self, data: &mut [u8], samples: &mut Vec<f32>) -> Result<(), String> {
        samples.clear();
        self.order_as_wav(data);
        // Floats of 64 bits are the one width that hound does not support.
        if (self.codec, self.bits, self.frame_bytes / self.channels) == (Codec::Float, 64, 8) {
            samples.extend(data.as_chunks::<8>().0.iter().map(|x| f64::from_le_bytes(*x) as f32));
            return Ok(());
        }
        let header = self.plain_header(data.len());
        let mut reader = WavReader::new(header.as_slice().chain(&*data)).map_err(|e| e.to_string())?;
        let mut push = |x: Result<f32, hound::Error>| x.map(|x| samples.push(x)).map_err(|e| e.to_string());
        match reader.spec().sample_format {
            SampleFormat::Float => reader.samples::<f32>().try_for_each(push),
            SampleFormat::Int => {
                let step = f64::from(1 - i32::from(self.bits)).exp2();
                reader.samples::<i32>().try_for_each(|x| push(x.map(|x| (f64::from(x) * step) as f32)))
            }
        }
    }

    /// Changes `data` to what WAV would hold: the lowest byte first, and bytes whose middle is silence.
    fn order_as_wav(&self, data: &mut [u8]) {
        if self.is_big_endian && self.bits > 8 {
            data.chunks_exact_mut(usize::from(self.frame_bytes / self.channels)).for_each(<[u8]>::reverse);
        }
        if self.is_signed && self.bits == 8 {
            data.iter_mut().for_each(|byte| *byte ^= 0x80);
        }
    }

    /// Returns the header of a RIFF file with a fmt chunk of 16 bytes and `n_bytes` of data.
    fn plain_header(&self, n_bytes: usize) -> Vec<u8> {
        let n_bytes = n_bytes as u32; // A block's length is far below 2^32.
        let codec: u16 = match self.codec {
            Codec::Integer => 1,
            Codec::Float => 3,
        };
        let mut header = Vec::with_capacity(44);
        header.extend(b"RIFF");
        header.extend(n_bytes.saturating_add(36).to_le_bytes());
        header.extend(b"WAVEfmt ");
        header.extend(16u32.to_le_bytes());
        header.extend(codec.to_le_bytes());
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
