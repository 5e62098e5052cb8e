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
    /// The last granule position of each stream, by serial number.
    pub ends: HashMap<u32, u64>,
    /// Why `intact` is not the whole file, or is not complete.
    pub warning: Option<String>,
}

impl<'a> Pages<'a> {
    /// Walks the pages from the start of `bytes`.
    pub fn scan(bytes: &'a [u8]) -> Self {
        let (mut at, mut n_open, mut in_audio) = (0, 0, false);
        let mut ends = HashMap::new();
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
            n_open += i32::from(is_first) - i32::from(page.flags & LAST_PAGE != 0);
            if page.granule != NO_GRANULE {
                ends.insert(page.serial, page.granule);
            }
            at += page.n_bytes;
        }
        if warning.is_none() && n_open > 0 {
            warning = Some("cut short: the last page is missing".into());
        }
        Self { intact: &bytes[..at], ends, warning }
    }
}

struct Page {
    flags: u8,
    granule: u64,
    serial: u32,
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
        Some(Self {
            flags: header[5],
            granule: u64::from_le_bytes(header[6..14].try_into().expect("eight bytes")),
            serial: u32::from_le_bytes(header[14..18].try_into().expect("four bytes")),
            n_bytes,
        })
    }
}
