//! Tags that music programs put around a file of any format: ID3v2 at the start; ID3v1, APE and ID3v2 at the end.

use super::section::Section;

const ID3V1_BYTES: u64 = 128;
const ID3V2_HEADER_BYTES: u64 = 10;
const APE_FOOTER_BYTES: u64 = 32;

/// Returns the position at which the sound begins: after all ID3v2 tags at the start of `file`.
pub(super) fn end_of_front(file: &mut Section) -> Result<u64, String> {
    let mut at = 0;
    while let Some(header) = file.array_at::<10>(at)?.filter(|header| header.starts_with(b"ID3")) {
        let Some(size) = id3v2_size(&header) else { break };
        at += size;
        if at > file.len() {
            return Err("cut short inside the ID3 tag at its start: nothing of its sound is there".into());
        }
    }
    Ok(at)
}

/// Returns the position at which the sound ends: before all tags at the end of `file`.
pub(super) fn start_of_back(file: &mut Section) -> Result<u64, String> {
    let mut end = file.len();
    while let Some(size) = size_of_last(file, end)?.filter(|&size| size <= end) {
        end -= size;
    }
    Ok(end)
}

/// Returns the number of bytes of the tag that ends at `end`, if there is one.
fn size_of_last(file: &mut Section, end: u64) -> Result<Option<u64>, String> {
    if let Some(at) = end.checked_sub(ID3V1_BYTES)
        && file.array_at(at)? == Some(*b"TAG")
    {
        return Ok(Some(ID3V1_BYTES));
    }
    if let Some(at) = end.checked_sub(APE_FOOTER_BYTES)
        && let Some(footer) = file.array_at::<32>(at)?
        && let Some(size) = ape_size(&footer)
    {
        return Ok(Some(size));
    }
    let Some(at) = end.checked_sub(ID3V2_HEADER_BYTES) else { return Ok(None) };
    // A footer is a copy of the header with its letters in reverse.
    Ok(file.array_at::<10>(at)?.filter(|footer| footer.starts_with(b"3DI")).as_ref().and_then(id3v2_size))
}

/// Returns the number of bytes of a whole ID3v2 tag, from its header or footer.
fn id3v2_size(header: &[u8; 10]) -> Option<u64> {
    const HAS_FOOTER: u8 = 0x10;
    let [.., major, revision, flags, a, b, c, d] = *header;
    if major == u8::MAX || revision == u8::MAX || [a, b, c, d].iter().any(|&byte| byte >= 0x80) {
        return None;
    }
    // Each byte holds seven bits of the size, so that no byte looks like the start of an MPEG frame.
    let body = [a, b, c, d].iter().fold(0, |size, &byte| size << 7 | u64::from(byte));
    let n_ends = if flags & HAS_FOOTER == 0 { 1 } else { 2 };
    Some(body + n_ends * ID3V2_HEADER_BYTES)
}

/// Returns the number of bytes of a whole APE tag, from its footer. The size in the footer includes the footer but not
/// the header.
fn ape_size(footer: &[u8; 32]) -> Option<u64> {
    const HAS_HEADER: u32 = 1 << 31;
    let u32_at = |at: usize| u32::from_le_bytes([footer[at], footer[at + 1], footer[at + 2], footer[at + 3]]);
    let (size, flags) = (u64::from(u32_at(12)), u32_at(20));
    if !footer.starts_with(b"APETAGEX") || size < APE_FOOTER_BYTES {
        return None;
    }
    Some(size + if flags & HAS_HEADER == 0 { 0 } else { APE_FOOTER_BYTES })
}
