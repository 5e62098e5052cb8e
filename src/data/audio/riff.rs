//! The chunks of a RIFF file: finds the format and the samples even if lengths in headers are wrong.

use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

use super::section::{Section, unreadable};
use super::tags;

/// Length that a program writes into a data chunk's header before the length is known.
const UNKNOWN: u32 = u32::MAX;
const HEADER_BYTES: u64 = 8;
/// Number of bytes that are read of a fmt chunk; the extensible form, the longest, has as many.
const FORMAT_BYTES: usize = 40;

/// The contents of a WAV file: its format and the position of its samples.
pub(super) struct Chunks {
    /// The fmt chunk, or its first 40 bytes.
    pub format: Vec<u8>,
    /// Byte range of the samples in the file.
    pub data: Range<u64>,
    /// Warnings about lengths in headers that disagree with the file.
    pub warnings: Vec<String>,
}

impl Chunks {
    /// Finds the chunks of a file that starts with RIFF and WAVE.
    pub fn find(file: &mut Section) -> Result<Self, String> {
        let mut format = None;
        let mut at = 12;
        while let Some(chunk) = ChunkHeader::at(file, at)? {
            let there = chunk.claimed().min(file.len() - chunk.body);
            match &chunk.name {
                b"data" => {
                    let format = format.ok_or("no fmt chunk before the data")?;
                    let (data, warning) = data(file, &chunk)?;
                    return Ok(Self { format, data, warnings: warning.into_iter().collect() });
                }
                b"fmt " if there < chunk.claimed() => return Err("truncated header".into()),
                b"fmt " => format = Some(file.bytes_at(chunk.body, FORMAT_BYTES.min(there as usize))?),
                _ => {}
            }
            at = chunk.next(file)?;
        }
        Err(if format.is_some() { "no data chunk" } else { "truncated header: no fmt chunk" }.into())
    }
}

/// Returns the bytes of the data chunk, and a warning if the length in its header is wrong.
fn data(file: &mut Section, chunk: &ChunkHeader) -> Result<(Range<u64>, Option<String>), String> {
    let (start, claimed, there) = (chunk.body, chunk.claimed(), file.len() - chunk.body);
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
            n_bytes += chunk.claimed();
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
    length: u32,
    /// Position of the body.
    body: u64,
}

impl ChunkHeader {
    /// Reads the header of a chunk at `at`; `None` if the file ends before.
    fn at(file: &mut Section, at: u64) -> Result<Option<Self>, String> {
        let header = file.array_at::<8>(at)?;
        Ok(header.map(|[a, b, c, d, length @ ..]| Self {
            name: [a, b, c, d],
            length: u32::from_le_bytes(length),
            body: at + HEADER_BYTES,
        }))
    }

    fn claimed(&self) -> u64 {
        self.length.into()
    }

    /// Returns whether the header is likely to be one, because its name is printable and its body lies in the file.
    /// Samples rarely look like that.
    fn is_likely(&self, file: &Section) -> bool {
        let is_name = self.name.iter().all(|byte| (b' '..=b'~').contains(byte));
        is_name && self.claimed() <= file.len().saturating_sub(self.body)
    }

    /// Returns the position of the next chunk. A chunk of odd length is followed by a padding byte, which some programs
    /// omit.
    fn next(&self, file: &mut Section) -> Result<u64, String> {
        let end = self.body + self.claimed();
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
