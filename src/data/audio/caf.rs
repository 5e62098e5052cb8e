//! CAF (Apple's Core Audio Format) with uncompressed samples.

use super::pcm::{Codec, Encoding, PcmSamples};
use super::recognise::CONVERT;
use super::section::Section;
use super::tags;

/// Length of a data chunk that goes on to the end of the file.
const UNKNOWN: u64 = u64::MAX;
/// Bytes before the samples in their chunk: a number of edits, which nothing uses.
const DATA_HEADER_BYTES: u64 = 4;

/// Finds the samples of a file that starts with caff.
pub(super) fn samples(file: &mut Section) -> Result<PcmSamples, String> {
    let mut description = None;
    let mut at = 8;
    while let Some([a, b, c, d, length @ ..]) = file.array_at::<12>(at)? {
        let (body, length) = (at + 12, u64::from_be_bytes(length));
        match &[a, b, c, d] {
            b"desc" => description = Some(file.array_at::<32>(body)?.ok_or("truncated header")?),
            b"data" => {
                let encoding = encoding(&description.ok_or("no desc chunk before the data")?)?;
                let (start, claimed) = (body + DATA_HEADER_BYTES, length.saturating_sub(DATA_HEADER_BYTES));
                let there = tags::start_of_back(file)?.max(start) - start;
                let is_short = length != UNKNOWN && claimed > there;
                let warning = is_short.then(|| format!("the data chunk claims {claimed} bytes, {there} are there"));
                let data = start..start + claimed.min(there);
                return Ok(PcmSamples { encoding, data, warnings: warning.into_iter().collect() });
            }
            _ => {}
        }
        at = body.checked_add(length).ok_or("truncated header")?;
    }
    Err(if description.is_some() { "no data chunk" } else { "truncated header: no desc chunk" }.into())
}

/// Parses the body of a desc chunk.
fn encoding(chunk: &[u8; 32]) -> Result<Encoding, String> {
    const IS_FLOAT: u32 = 1;
    const IS_LITTLE_ENDIAN: u32 = 2;
    let u32_at = |at: usize| u32::from_be_bytes([chunk[at], chunk[at + 1], chunk[at + 2], chunk[at + 3]]);
    let (flags, packet_bytes, packet_frames) = (u32_at(12), u32_at(16), u32_at(20));
    let (channels, bits) = (u32_at(24), u32_at(28));
    if chunk[8..12] != *b"lpcm" {
        let name = String::from_utf8_lossy(&chunk[8..12]).into_owned();
        return Err(format!("unsupported codec {name:?} in CAF: only PCM and IEEE float are read; {CONVERT}"));
    }
    let rate = chunk.first_chunk().map_or(0.0, |bytes| f64::from_be_bytes(*bytes));
    if !(0.5..4e9).contains(&rate) {
        return Err(format!("bad sample rate {rate} Hz"));
    }
    let unusual = || format!("{packet_bytes} bytes a frame do not hold {channels} channels of {bits} bits");
    let is_usual = packet_frames == 1 && bits > 0 && Some(packet_bytes) == channels.checked_mul(bits.div_ceil(8));
    let (Ok(channels), Ok(frame_bytes), Ok(bits), true) =
        (channels.try_into(), packet_bytes.try_into(), u16::try_from(bits), is_usual)
    else {
        return Err(unusual());
    };
    if frame_bytes == 0 {
        return Err("bad channel count 0".into());
    }
    let codec = if flags & IS_FLOAT == 0 { Codec::Integer } else { Codec::Float };
    Ok(Encoding {
        codec,
        channels,
        rate: rate.round() as u32,
        frame_bytes,
        bits: bits.div_ceil(8) * 8,
        is_big_endian: flags & IS_LITTLE_ENDIAN == 0,
        is_signed: true,
    })
}
