//! The samples' encoding according to the fmt chunk of WAV, RF64 and Wave64.

use super::pcm::{Codec, Encoding};
use super::recognise::CONVERT;

const PCM: u16 = 1;
const IEEE_FLOAT: u16 = 3;
const EXTENSIBLE: u16 = 0xfffe;
/// The bytes after the codec in the sub-format of an extensible header: for registered codecs, and for ambisonic sound
/// in B-format, whose channels are stored in the same way.
const SUB_FORMAT_TAILS: [[u8; 14]; 2] = [
    [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71],
    [0, 0, 0x21, 0x07, 0xd3, 0x11, 0x86, 0x44, 0xc8, 0xc1, 0xca, 0, 0, 0],
];

/// Parses a fmt chunk. Errors use the terms of the format.
pub(super) fn encoding(chunk: &[u8]) -> Result<Encoding, String> {
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
    let codec = match codec {
        PCM => Codec::Integer,
        IEEE_FLOAT => Codec::Float,
        codec => return Err(format!("unsupported codec 0x{codec:02x}: only PCM and IEEE float are read; {CONVERT}")),
    };
    if channels == 0 {
        return Err("bad channel count 0".into());
    }
    // If a sample has fewer valid bits than its bytes, they are the upper bits. The number of bytes therefore
    // determines the scale.
    let bits = u16_at(14).div_ceil(8).saturating_mul(8);
    if bits == 0 || frame_bytes / channels < bits / 8 || frame_bytes % channels != 0 {
        return Err(format!("{frame_bytes} bytes a frame do not hold {channels} channels of {bits} bits"));
    }
    Ok(Encoding { codec, channels, rate, frame_bytes, bits, is_big_endian: false, is_signed: bits > 8 })
}
