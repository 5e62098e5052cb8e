//! A range of the bytes of a file or of memory, read in place: only the requested bytes are held.

use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use symphonia::core::io::MediaSource;

/// An open file, or a cursor over bytes in memory.
pub(super) trait ByteSource: Read + Seek + Send + Sync {}

impl<T: Read + Seek + Send + Sync> ByteSource for T {}

/// A range of a source's bytes, as a stream of its own whose position 0 is the range's first byte.
pub(super) struct Section<'a> {
    source: Box<dyn ByteSource + 'a>,
    /// Position of the first byte in the source.
    start: u64,
    len: u64,
    at: u64,
}

impl<'a> Section<'a> {
    /// Makes the section of all bytes of `source`.
    pub fn whole(mut source: Box<dyn ByteSource + 'a>) -> Result<Self, String> {
        let len = source.seek(SeekFrom::End(0)).map_err(unreadable)?;
        Self { source, start: 0, len, at: 0 }.narrowed(0..len)
    }

    /// Narrows the section to the bytes in `range`.
    pub fn narrowed(mut self, range: Range<u64>) -> Result<Self, String> {
        let start = self.start + range.start;
        self.source.seek(SeekFrom::Start(start)).map_err(unreadable)?;
        Ok(Self { source: self.source, start, len: range.end - range.start, at: 0 })
    }

    /// Returns the number of bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Returns the position of the first byte in the whole file.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// Returns the `N` bytes from position `at` on; `None` if the section ends before.
    pub fn array_at<const N: usize>(&mut self, at: u64) -> Result<Option<[u8; N]>, String> {
        let bytes = self.bytes_at(at, N)?;
        Ok(bytes.first_chunk().copied())
    }

    /// Returns up to `n` bytes from position `at` on, fewer if the section ends before.
    pub fn bytes_at(&mut self, at: u64, n: usize) -> Result<Vec<u8>, String> {
        let mut bytes = vec![0; n.min(usize::try_from(self.len.saturating_sub(at)).unwrap_or(n))];
        self.seek(SeekFrom::Start(at)).and_then(|_| self.read_exact(&mut bytes)).map_err(unreadable)?;
        Ok(bytes)
    }
}

/// Describes a read error.
pub(super) fn unreadable(error: io::Error) -> String {
    format!("cannot be read: {error}")
}

impl Read for Section<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(self.len.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let n = buffer.len().min(rest);
        let n = self.source.read(&mut buffer[..n])?;
        self.at += n as u64;
        Ok(n)
    }
}

impl Seek for Section<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.len.checked_add_signed(by),
        };
        let before = || io::Error::new(io::ErrorKind::InvalidInput, "a position before the start");
        let at = at.ok_or_else(before)?;
        self.source.seek(SeekFrom::Start(self.start.saturating_add(at)))?;
        self.at = at;
        Ok(at)
    }
}

impl MediaSource for Section<'_> {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.len)
    }
}
