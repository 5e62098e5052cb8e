//! AIFF and AIFF-C: chunks as in RIFF, but with the highest byte first.

use super::pcm::{Codec, Encoding, PcmSamples};
use super::recognise::CONVERT;
use super::section::Section;
use super::tags;

/// Bytes before the samples in their chunk: an offset, and the size of blocks, which nothing uses.
const SSND_HEADER_BYTES: u64 = 8;

/// Finds the samples of a file that starts with FORM and AIFF or AIFC.
pub(super) fn samples(file: &mut Section) -> Result<PcmSamples, String> {
    let (mut common, mut sound): (Option<Vec<u8>>, _) = (None, None);
    let mut at = 12;
    while let Some([a, b, c, d, length @ ..]) = file.array_at::<8>(at)? {
        let (body, length) = (at + 8, u64::from(u32::from_be_bytes(length)));
        match &[a, b, c, d] {
            b"COMM" => common = Some(file.bytes_at(body, length.min(22) as usize)?),
            b"SSND" => sound = sound.or(Some((body, length))),
            _ => {}
        }
        at = body + length.next_multiple_of(2);
    }
    let encoding = encoding(&common.ok_or("truncated header: no COMM chunk")?)?;
    let (body, length) = sound.ok_or("no SSND chunk")?;
    let [offset @ .., _, _, _, _] = file.array_at::<8>(body)?.ok_or("truncated header")?;
    let before = SSND_HEADER_BYTES + u64::from(u32::from_be_bytes(offset));
    let (start, claimed) = (body + before, length.saturating_sub(before));
    let end = file.len().min(start.saturating_add(claimed)).max(start);
    let end = if end == file.len() { tags::start_of_back(file)?.max(start) } else { end };
    let there = end - start;
    let warning = (there < claimed).then(|| format!("the SSND chunk claims {claimed} bytes, {there} are there"));
    if start > file.len() {
        return Err("no samples".into());
    }
    Ok(PcmSamples { encoding, data: start..end, warnings: warning.into_iter().collect() })
}

/// Parses a COMM chunk.
fn encoding(chunk: &[u8]) -> Result<Encoding, String> {
    let Some((fields, compression)) = chunk.split_first_chunk::<18>() else {
        return Err(format!("the COMM chunk has {} bytes, 18 are needed", chunk.len()));
    };
    let u16_at = |at: usize| u16::from_be_bytes([fields[at], fields[at + 1]]);
    let (channels, bits) = (u16_at(0), u16_at(6));
    let (codec, is_big_endian) = match compression.first_chunk::<4>() {
        None | Some(b"NONE" | b"twos" | b"in24" | b"in32") => (Codec::Integer, true),
        Some(b"sowt") => (Codec::Integer, false),
        Some(b"fl32" | b"FL32" | b"fl64" | b"FL64") => (Codec::Float, true),
        Some(other) => {
            let name = String::from_utf8_lossy(other).into_owned();
            return Err(format!("unsupported codec {name:?} in AIFF-C: only PCM and IEEE float are read; {CONVERT}"));
        }
    };
    // Samples fill the upper bits of whole bytes.
    let bytes = bits.div_ceil(8);
    let Some(frame_bytes) = bytes.checked_mul(channels).filter(|bytes| *bytes > 0) else {
        return Err(format!("bad number of channels ({channels}) or of bits ({bits})"));
    };
    let rate = extended(*fields.last_chunk().unwrap_or(&[0; 10]));
    if !(0.5..4e9).contains(&rate) {
        return Err(format!("bad sample rate {rate} Hz"));
    }
    let rate = rate.round() as u32;
    Ok(Encoding { codec, channels, rate, frame_bytes, bits: 8 * bytes, is_big_endian, is_signed: true })
}

/// Returns the value of a float of 80 bits: sign, exponent of 15 bits, mantissa of 64.
fn extended([a, b, mantissa @ ..]: [u8; 10]) -> f64 {
    let exponent = i32::from(u16::from_be_bytes([a, b]) & 0x7fff) - 16_383 - 63;
    let magnitude = u64::from_be_bytes(mantissa) as f64 * f64::from(exponent).exp2();
    if a & 0x80 == 0 { magnitude } else { -magnitude }
}
