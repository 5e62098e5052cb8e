//! The chunks of a RIFF file: finds the format and the samples even if lengths in headers are wrong. RF64 and BW64 are
//! RIFF files whose first chunk, ds64, has lengths of 64 bits.

use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

use super::pcm::PcmSamples;
use super::section::{Section, unreadable};
use super::{tags, wav};

/// Length that a program writes into a data chunk's header before the length is known.
const UNKNOWN: u64 = u32::MAX as u64;
const HEADER_BYTES: u64 = 8;
/// Number of bytes that are read of a fmt chunk; the extensible form, the longest, has as many.
const FORMAT_BYTES: usize = 40;

/// Finds the samples of a file that starts with RIFF, RF64 or BW64, and WAVE.
pub(super) fn samples(file: &mut Section) -> Result<PcmSamples, String> {
    let mut format: Option<Vec<u8>> = None;
    let mut long_length = None;
    let mut at = 12;
    while let Some(mut chunk) = ChunkHeader::at(file, at)? {
        let there = chunk.length.min(file.len() - chunk.body);
        match &chunk.name {
            b"data" => {
                let format = format.ok_or("no fmt chunk before the data")?;
                chunk.length = long_length.filter(|_| chunk.length == UNKNOWN).unwrap_or(chunk.length);
                let (data, warning) = data(file, &chunk)?;
                let warnings = warning.into_iter().collect();
                return Ok(PcmSamples { encoding: wav::encoding(&format)?, data, warnings });
            }
            b"fmt " if there < chunk.length => return Err("truncated header".into()),
            b"fmt " => format = Some(file.bytes_at(chunk.body, FORMAT_BYTES.min(there as usize))?),
            b"ds64" if at == 12 => long_length = file.array_at(chunk.body + 8)?.map(u64::from_le_bytes),
            _ => {}
        }
        at = chunk.next(file)?;
    }
    Err(if format.is_some() { "no data chunk" } else { "truncated header: no fmt chunk" }.into())
}

/// Returns the bytes of the data chunk, and a warning if the length in its header is wrong.
fn data(file: &mut Section, chunk: &ChunkHeader) -> Result<(Range<u64>, Option<String>), String> {
    let (start, claimed, there) = (chunk.body, chunk.length, file.len() - chunk.body);
    if chunk.length == UNKNOWN {
        return Ok((start..tags::start_of_back(file)?.max(start), None));
    }
    if claimed > there {
        return Ok((start..file.len(), Some(format!("the data chunk claims {claimed} bytes, {there} are there"))));
    }
    let behind = chunk.next(file)?;
    let Some(rest) = outside_of_chunks(file, behind)? else {
        let n_bytes = later_data(file, behind)?;
        let warning = format!("a second data chunk with {n_bytes} bytes is not read: split the file, or write it anew");
        return Ok((start..start + claimed, (n_bytes > 0).then_some(warning)));
    };
    let n_bytes = rest.end - rest.start;
    if claimed == 0 && rest.start == start {
        let warning = "the header gives no length, as when a recorder loses its power: all that follows is read";
        return Ok((rest, Some(warning.into())));
    }
    let warning = format!(
        "the data chunk claims {claimed} bytes, and {n_bytes} more in the file belong to no chunk: if they are sound too, \
         read them with: ffmpeg -ignore_length 1 -i IN OUT.wav"
    );
    Ok((start..start + claimed, Some(warning)))
}

/// Returns the number of bytes in data chunks from `at` on.
fn later_data(file: &mut Section, mut at: u64) -> Result<u64, String> {
    let mut n_bytes = 0;
    while let Some(chunk) = ChunkHeader::at(file, at)?.filter(|chunk| chunk.is_likely(file)) {
        if &chunk.name == b"data" {
            n_bytes += chunk.length;
        }
        at = chunk.next(file)?;
    }
    Ok(n_bytes)
}

/// Returns the range from `at` to the tags at the end of the file if it holds bytes that belong to no chunk and are not
/// all zero. Likely chunks from `at` on are skipped.
fn outside_of_chunks(file: &mut Section, mut at: u64) -> Result<Option<Range<u64>>, String> {
    while let Some(chunk) = ChunkHeader::at(file, at)?.filter(|chunk| chunk.is_likely(file)) {
        at = chunk.next(file)?;
    }
    let end = tags::start_of_back(file)?.max(at);
    file.seek(SeekFrom::Start(at)).map_err(unreadable)?;
    let mut block = [0; 4096];
    let mut rest = file.take(end - at);
    loop {
        let n = rest.read(&mut block).map_err(unreadable)?;
        if n == 0 {
            return Ok(None);
        }
        if block[..n].iter().any(|&byte| byte != 0) {
            return Ok(Some(at..end));
        }
    }
}

/// The header of a chunk.
struct ChunkHeader {
    name: [u8; 4],
    /// Length of the body in bytes, according to the header.
    length: u64,
    /// Position of the body.
    body: u64,
}

impl ChunkHeader {
    /// Reads the header of a chunk at `at`; `None` if the file ends before.
    fn at(file: &mut Section, at: u64) -> Result<Option<Self>, String> {
        let header = file.array_at::<8>(at)?;
        Ok(header.map(|[a, b, c, d, length @ ..]| Self {
            name: [a, b, c, d],
            length: u32::from_le_bytes(length).into(),
            body: at + HEADER_BYTES,
        }))
    }

    /// Returns whether the header is likely to be one, because its name is printable and its body lies in the file.
    /// Samples rarely look like that.
    fn is_likely(&self, file: &Section) -> bool {
        let is_name = self.name.iter().all(|byte| (b' '..=b'~').contains(byte));
        is_name && self.length <= file.len().saturating_sub(self.body)
    }

    /// Returns the position of the next chunk. A chunk of odd length is followed by a padding byte, which some programs
    /// omit.
    fn next(&self, file: &mut Section) -> Result<u64, String> {
        let end = self.body.saturating_add(self.length);
        if end.is_multiple_of(2) == self.body.is_multiple_of(2) {
            return Ok(end);
        }
        let Some(unpadded) = Self::at(file, end)? else { return Ok(end + 1) };
        let padded = Self::at(file, end + 1)?.filter(|chunk| chunk.is_likely(file));
        let is_next = match &unpadded.name {
            b"data" | b"fmt " => true,
            _ => padded.is_none() && unpadded.is_likely(file),
        };
        Ok(if is_next { end } else { end + 1 })
    }
}
