//! The pages of an Ogg file: how many of them are intact, and where each stream ends.
//!
//! A page carries a checksum and, as granule position, the number of frames that the stream has reached at its end;
//! the last one is the stream's exact length, which the codec, working in blocks, does not know.

use std::collections::HashMap;

use symphonia::core::checksum::Crc32;
use symphonia::core::io::Monitor;

const HEADER_BYTES: usize = 27;
const CHECKSUM: std::ops::Range<usize> = 22..26;
const FIRST_PAGE: u8 = 2;
const LAST_PAGE: u8 = 4;
/// The granule position of a page on which no packet ends.
const NO_GRANULE: u64 = u64::MAX;

/// The streams at the start of a file, up to the first damage or the start of a further set of streams.
pub(super) struct Pages<'a> {
    /// The bytes of the pages that are in order.
    pub intact: &'a [u8],
    /// The end of each stream, by serial number.
    pub ends: HashMap<u32, End>,
    /// Why `intact` is not the whole file, or is not complete.
    pub warning: Option<String>,
}

/// Where the intact pages of one stream end.
pub(super) struct End {
    /// The last granule position: frames since time 0.
    pub granule: u64,
    /// Number of the last page; pages are counted by stream.
    sequence: u32,
    is_last: bool,
}

impl<'a> Pages<'a> {
    /// Walks the pages from the start of `bytes`.
    pub fn scan(bytes: &'a [u8]) -> Self {
        let (mut at, mut in_audio) = (0, false);
        let mut ends = HashMap::<u32, End>::new();
        let mut warning = None;
        while at < bytes.len() {
            let Some(page) = Page::parse(&bytes[at..]) else {
                warning = Some(format!("damaged or cut short at byte {at} of {}", bytes.len()));
                break;
            };
            let is_first = page.flags & FIRST_PAGE != 0;
            if is_first && in_audio {
                warning = Some(format!("another stream follows at byte {at} and is left out"));
                break;
            }
            in_audio |= !is_first;
            let before = ends.get(&page.serial);
            if before.is_some_and(|end| page.sequence != end.sequence.wrapping_add(1)) {
                warning = Some(format!("a page is missing at byte {at}"));
                break;
            }
            let granule = if page.granule == NO_GRANULE { before.map_or(0, |end| end.granule) } else { page.granule };
            let end = End { granule, sequence: page.sequence, is_last: page.flags & LAST_PAGE != 0 };
            ends.insert(page.serial, end);
            at += page.n_bytes;
        }
        if warning.is_none() && ends.values().any(|end| !end.is_last) {
            warning = Some("cut short: the last page is missing".into());
        }
        Self { intact: &bytes[..at], ends, warning }
    }
}

struct Page {
    flags: u8,
    granule: u64,
    serial: u32,
    sequence: u32,
    n_bytes: usize,
}

impl Page {
    /// The page at the start of `bytes`, if it is whole and its checksum is right.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let header = bytes.first_chunk::<HEADER_BYTES>().filter(|h| h.starts_with(b"OggS"))?;
        let lengths = bytes.get(HEADER_BYTES..HEADER_BYTES + usize::from(header[26]))?;
        let n_bytes = HEADER_BYTES + lengths.len() + lengths.iter().copied().map(usize::from).sum::<usize>();
        let page = bytes.get(..n_bytes)?;

        let mut crc = Crc32::new(0);
        crc.process_buf_bytes(&page[..CHECKSUM.start]);
        crc.process_buf_bytes(&[0; 4]);
        crc.process_buf_bytes(&page[CHECKSUM.end..]);
        if page[CHECKSUM] != crc.crc().to_le_bytes() {
            return None;
        }
        let (_, fields) = header.split_at(6);
        let (granule, fields) = fields.split_first_chunk()?;
        let (serial, fields) = fields.split_first_chunk()?;
        let (sequence, _) = fields.split_first_chunk()?;
        Some(Self {
            flags: header[5],
            granule: u64::from_le_bytes(*granule),
            serial: u32::from_le_bytes(*serial),
            sequence: u32::from_le_bytes(*sequence),
            n_bytes,
        })
    }
}
