//! Recognises audio formats by a file's first bytes, because the extension of a file name is often wrong. Formats that
//! cannot be read are recognised for the error message.

/// A format that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// WAV, and RF64 or BW64, which are WAV with lengths of 64 bits.
    Wav,
    Wave64,
    Aiff,
    Caf,
    Flac,
    Ogg,
    Mp4,
    /// MP3, MP2, and AAC without a container.
    Mpeg,
}

/// Number of bytes at the start of a file that [`format`] needs at most.
pub(super) const START_BYTES: usize = 512;

/// Audio and video formats that cannot be read: position of the mark, mark, and name.
const OTHER_MEDIA: [(usize, &[u8], &str); 12] = [
    (0, b"RIFX", "a RIFX file (WAV in big-endian order)"),
    (0, b".snd", "an AU file"),
    (0, b"NIST_1A", "a NIST SPHERE file"),
    (0, b"wvpk", "a WavPack file"),
    (0, b"MAC ", "a Monkey's Audio file"),
    (0, b"DSD ", "a DSF file"),
    (0, b"FRM8", "a DSDIFF file"),
    (0, b"#!AMR", "an AMR file"),
    (0, b"\x1a\x45\xdf\xa3", "a Matroska or WebM file"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "a Windows Media file"),
    (0, b"FLV\x01", "a Flash video"),
    (8, b"AVI ", "an AVI file"),
];

/// Files without any sound: their start without blanks and in lower case, the name, and the advice.
const DOCUMENTS: [(&str, &str, &str); 8] = [
    ("version https://git-lfs", "a Git LFS pointer, not the file itself", "fetch it with git lfs pull"),
    ("<!doctype html", "an HTML page", DOWNLOAD),
    ("<html", "an HTML page", DOWNLOAD),
    ("<?xml", "an XML document", DOWNLOAD),
    ("{\"", "a JSON document", DOWNLOAD),
    ("pk\u{3}\u{4}", "a ZIP archive", "unpack it first"),
    ("\u{1f}\u{8b}", "a gzip archive", "unpack it first"),
    ("%pdf", "a PDF document", DOWNLOAD),
];
const DOWNLOAD: &str = "perhaps a server's answer to a failed download; fetch the file again";

/// Advice for audio in a format that cannot be read.
pub(super) const CONVERT: &str = "convert it, for example with: ffmpeg -i IN OUT.flac";

/// Returns the format of a file that begins with `start`. `tagged` means that an ID3v2 tag stood before `start`.
///
/// # Errors
/// The name of any other format, and advice.
pub(super) fn format(start: &[u8], tagged: bool) -> Result<Format, String> {
    let has = |at: usize, mark: &[u8]| start.get(at..).is_some_and(|bytes| bytes.starts_with(mark));
    let of_mark = match start.first_chunk() {
        Some(b"RIFF" | b"RF64" | b"BW64") if has(8, b"WAVE") => Some(Format::Wav),
        Some(b"riff") if has(4, b"\x2e\x91\xcf\x11") => Some(Format::Wave64),
        Some(b"FORM") if has(8, b"AIFF") || has(8, b"AIFC") => Some(Format::Aiff),
        Some(b"caff") => Some(Format::Caf),
        Some(b"fLaC") => Some(Format::Flac),
        Some(b"OggS") => Some(Format::Ogg),
        _ if has(4, b"ftyp") => Some(Format::Mp4),
        _ => None,
    };
    if let Some(format) = of_mark {
        return Ok(format);
    }
    if let Some((_, _, name)) = OTHER_MEDIA.iter().find(|(at, mark, _)| has(*at, mark)) {
        return Err(format!("{name}, which is not read: {CONVERT}"));
    }
    // Behind a tag there is hardly anything else, whatever its first bytes are.
    if is_mpeg(start) || (tagged && !start.is_empty()) {
        return Ok(Format::Mpeg);
    }
    if start.is_empty() {
        return Err("not audio: the file is empty (0 bytes); copy or download it again".into());
    }
    let text: String = start.iter().map(|&byte| char::from(byte.to_ascii_lowercase())).collect();
    let text = text.trim_start_matches("\u{ef}\u{bb}\u{bf}").trim_start();
    if let Some((_, name, next)) = DOCUMENTS.iter().find(|(mark, ..)| text.starts_with(mark)) {
        return Err(format!("not audio: {name}: {next}"));
    }
    Err(match start.get(..4) {
        Some(b"RIFF") => "not audio: RIFF, but not a WAVE file".into(),
        _ => "not audio: in none of the formats that are known".into(),
    })
}

/// Recognises MP3 and AAC, whose frames begin with eleven set bits.
fn is_mpeg(start: &[u8]) -> bool {
    let [first, second, third, ..] = *start else { return false };
    let (version, layer, bitrate, rate) = (second >> 3 & 3, second >> 1 & 3, third >> 4, third >> 2 & 3);
    match (first, second >> 4) {
        (0xff, 0xf) if layer == 0 => third >> 2 & 0xf < 13,
        // Layer 3 is coded as 1 and layer 2 as 2. Layer 1 is not accepted, because its code also occurs at the start of
        // UTF-16 text.
        (0xff, 0xe | 0xf) => version != 1 && (1..=2).contains(&layer) && bitrate != 15 && rate != 3,
        _ => false,
    }
}
