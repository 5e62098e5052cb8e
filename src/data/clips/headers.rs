//! Length and sampling rate of a sound file, from its header where that has them: without decoding.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use crate::Result;
use crate::base::regular_file;
use crate::data::audio::decode;

/// Number of bytes at the end of an Ogg file in which its last page begins.
const LAST_PAGE_BYTES: u64 = 1 << 16;
/// Most chunks of a WAV file before its samples.
const MOST_CHUNKS: usize = 64;

/// Length and sampling rate of a sound file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SoundLength {
    /// Length in seconds.
    pub seconds: f64,
    /// Sampling rate in Hz.
    pub rate: u32,
}

/// Returns length and sampling rate of the sound file at `path`. A file whose header does not tell them is decoded.
///
/// # Errors
/// The errors of [`decode`].
pub fn length(path: &Path) -> Result<SoundLength> {
    if let Ok(Some(found)) = regular_file::open(path).and_then(|file| of_header(&mut io::BufReader::new(file))) {
        return Ok(found);
    }
    let decoded = decode(path)?;
    Ok(SoundLength { seconds: decoded.seconds, rate: decoded.audio.rate })
}

fn of_header(file: &mut (impl Read + Seek)) -> io::Result<Option<SoundLength>> {
    let mut start = [0; 12];
    file.read_exact(&mut start)?;
    match &start {
        [b'R', b'I', b'F', b'F', .., b'W', b'A', b'V', b'E'] => of_wav(file),
        [b'f', b'L', b'a', b'C', ..] => of_flac(file),
        [b'O', b'g', b'g', b'S', ..] => of_ogg(file),
        _ => Ok(None),
    }
}

fn of_wav(file: &mut (impl Read + Seek)) -> io::Result<Option<SoundLength>> {
    let end = file.seek(SeekFrom::End(0))?;
    let mut at = 12;
    let mut format = None;
    for _ in 0..MOST_CHUNKS {
        file.seek(SeekFrom::Start(at))?;
        let mut head = [0; 8];
        file.read_exact(&mut head)?;
        let size = u64::from(u32::from_le_bytes([head[4], head[5], head[6], head[7]]));
        match &head[..4] {
            b"fmt " => {
                let mut fields = [0; 16];
                file.read_exact(&mut fields)?;
                let rate = u32::from_le_bytes([fields[4], fields[5], fields[6], fields[7]]);
                format = Some((rate, u64::from(u16::from_le_bytes([fields[12], fields[13]]))));
            }
            b"data" => {
                // A header without a length, or with one that the file does not have, is for the decoder.
                let there = size > 0 && at + 8 + size <= end;
                return Ok(format
                    .filter(|(rate, frame)| there && *rate > 0 && *frame > 0)
                    .map(|(rate, frame)| SoundLength { seconds: (size / frame) as f64 / f64::from(rate), rate }));
            }
            _ => {}
        }
        at += 8 + size + size % 2;
    }
    Ok(None)
}

fn of_flac(file: &mut (impl Read + Seek)) -> io::Result<Option<SoundLength>> {
    let mut block = [0; 38];
    file.seek(SeekFrom::Start(4))?;
    file.read_exact(&mut block)?;
    // The first block is STREAMINFO: behind ten bytes of sizes stand 20 bits of rate, 3 of channels, 5 of width and 36
    // of the number of samples.
    let fields = block[14..22].iter().fold(0_u64, |fields, byte| fields << 8 | u64::from(*byte));
    let (rate, samples) = ((fields >> 44) as u32, fields & ((1 << 36) - 1));
    let known = block[0] & 0x7f == 0 && rate > 0 && samples > 0;
    Ok(known.then(|| SoundLength { seconds: samples as f64 / f64::from(rate), rate }))
}

fn of_ogg(file: &mut (impl Read + Seek)) -> io::Result<Option<SoundLength>> {
    let mut start = [0; 64];
    file.seek(SeekFrom::Start(0))?;
    file.read_exact(&mut start)?;
    let Some(at) = start.windows(7).position(|bytes| bytes == b"\x01vorbis") else { return Ok(None) };
    let Some(rate) = start.get(at + 12..at + 16) else { return Ok(None) };
    let rate = u32::from_le_bytes([rate[0], rate[1], rate[2], rate[3]]);
    let serial = &start[14..18];
    let end = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(end.saturating_sub(LAST_PAGE_BYTES)))?;
    let mut last = Vec::new();
    file.read_to_end(&mut last)?;
    let is_page = |page: &&[u8]| page.starts_with(b"OggS") && page.get(14..18) == Some(serial);
    let Some(page) = (0..last.len()).rev().map(|at| &last[at..]).find(is_page) else { return Ok(None) };
    let granule =
        page.get(6..14).map_or(0, |bytes| bytes.iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte)));
    let known = rate > 0 && granule > 0 && granule < 1 << 48;
    Ok(known.then(|| SoundLength { seconds: granule as f64 / f64::from(rate), rate }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_say_what_decoding_says() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/audio-formats");
        for name in [
            "pcm16_stereo_48k.wav",
            "pcm24_mono_44k1.wav",
            "list_chunk_odd.wav",
            "flac24_stereo_48k.flac",
            "vorbis_stereo_48k.ogg",
            "claims_more_data.wav",
            "wav_named.ogg",
        ] {
            let path = folder.join(name);
            let (found, decoded) = (length(&path).unwrap(), decode(&path).unwrap());
            assert!(
                (found.seconds - decoded.seconds).abs() < 1e-9,
                "{name}: {} and {}",
                found.seconds,
                decoded.seconds
            );
            assert_eq!(found.rate, decoded.audio.rate, "{name}");
        }
        assert!(length(&folder.join("text_named.wav")).is_err());
    }
}
