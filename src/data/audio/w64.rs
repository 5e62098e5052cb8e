//! Wave64 (Sony): chunks with names of 16 bytes and lengths of 64 bits, and otherwise WAV.

use super::pcm::PcmSamples;
use super::section::Section;
use super::{tags, wav};

/// The bytes of a chunk's name after the letters that WAV has.
const NAME_TAIL: [u8; 12] = [0xf3, 0xac, 0xd3, 0x11, 0x8c, 0xd1, 0x00, 0xc0, 0x4f, 0x8e, 0xdb, 0x8a];
/// Bytes of a chunk's name and length. The length counts them.
const HEADER_BYTES: u64 = 24;
/// Position of the first chunk: after the name and length of the file, and the name of its kind.
const FIRST_CHUNK: u64 = 40;

/// Finds the samples of a file that starts as Wave64 does.
pub(super) fn samples(file: &mut Section) -> Result<PcmSamples, String> {
    let mut format: Option<Vec<u8>> = None;
    let mut at = FIRST_CHUNK;
    while let (Some(name), Some(length)) = (file.array_at::<16>(at)?, file.array_at(at.saturating_add(16))?) {
        let (body, claimed) = (at + HEADER_BYTES, u64::from_le_bytes(length).saturating_sub(HEADER_BYTES));
        let is = |letters: &[u8]| name[..4] == *letters && name[4..] == NAME_TAIL;
        if is(b"fmt ") {
            format = Some(file.bytes_at(body, claimed.min(40) as usize)?);
        } else if is(b"data") {
            let encoding = wav::encoding(&format.ok_or("no fmt chunk before the data")?)?;
            let there = tags::start_of_back(file)?.max(body) - body;
            let warning = match claimed {
                0 => Some("the header gives no length: all that follows is read".into()),
                _ if claimed > there => Some(format!("the data chunk claims {claimed} bytes, {there} are there")),
                _ => None,
            };
            let n_bytes = if claimed == 0 { there } else { claimed.min(there) };
            return Ok(PcmSamples { encoding, data: body..body + n_bytes, warnings: warning.into_iter().collect() });
        }
        // Chunks begin at multiples of eight bytes.
        at = body.saturating_add(claimed).checked_next_multiple_of(8).ok_or("truncated header")?;
    }
    Err(if format.is_some() { "no data chunk" } else { "truncated header: no fmt chunk" }.into())
}
