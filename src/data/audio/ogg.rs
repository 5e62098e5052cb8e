//! The pages of an Ogg file: finds how many bytes are intact, and where each stream ends.
//!
//! A page has a checksum and a granule position, the number of frames of the stream up to the end of the page. The last
//! granule position is the exact length of the stream, which the codec does not know because it works in blocks.
//!
//! A stream is a series of packets, each cut into pieces of 255 bytes; a shorter piece ends the packet. A Vorbis stream
//! begins with three headers, one packet each. The third is the setup header, which configures the decoder.

use std::collections::HashMap;
use std::io::{self, BufReader, Read};

use symphonia::core::checksum::Crc32;
use symphonia::core::io::Monitor;

use super::section::{Section, unreadable};

const HEADER_BYTES: usize = 27;
const CHECKSUM: std::ops::Range<usize> = 22..26;
/// Number of headers of a Vorbis stream.
const N_HEADERS: usize = 3;
const FIRST_PAGE: u8 = 2;
const LAST_PAGE: u8 = 4;
/// Granule position of a page on which no packet ends.
const NO_GRANULE: u64 = u64::MAX;

/// The streams at the start of a file, up to the first damage or to the start of another set of streams.
pub(super) struct Pages {
    /// Number of intact bytes: whole pages without damage.
    pub intact: u64,
    /// The end of each stream, by serial number.
    pub ends: HashMap<u32, StreamEnd>,
    /// The setup headers of the Vorbis streams, and the first packets of others.
    pub setups: Vec<Vec<u8>>,
    /// A warning if `intact` is not the whole file or the last page is missing.
    pub warning: Option<String>,
}

/// State of a stream at the end of its intact pages.
#[derive(Default)]
pub(super) struct StreamEnd {
    /// The last granule position: frames since time 0.
    pub granule: u64,
    /// Number of the last page; every stream counts its own pages.
    sequence: u32,
    is_last: bool,
    headers: Headers,
}

impl Pages {
    /// Reads the pages from the start of `file`.
    pub fn scan(file: &mut Section) -> Result<Self, String> {
        let (n_bytes, start) = (file.len(), file.start());
        let mut reader = BufReader::new(file);
        let mut bytes = Vec::new();
        let (mut at, mut in_audio) = (0, false);
        let mut ends = HashMap::<u32, StreamEnd>::new();
        let (mut setups, mut warning) = (Vec::new(), None);
        while at < n_bytes {
            let position = start + at;
            let Some(page) = OggPage::read(&mut reader, &mut bytes).map_err(unreadable)? else {
                warning = Some(format!("damaged or cut short at byte {position} of {}", start + n_bytes));
                break;
            };
            let is_first = page.flags & FIRST_PAGE != 0;
            if is_first && in_audio {
                warning = Some(format!("another stream follows at byte {position} and is left out"));
                break;
            }
            in_audio |= !is_first;
            if ends.get(&page.serial).is_some_and(|end| page.sequence != end.sequence.wrapping_add(1)) {
                warning = Some(format!("a page is missing at byte {position}"));
                break;
            }
            let mut end = ends.remove(&page.serial).unwrap_or_default();
            if page.granule != NO_GRANULE {
                end.granule = page.granule;
            }
            (end.sequence, end.is_last) = (page.sequence, page.flags & LAST_PAGE != 0);
            setups.extend(end.headers.push(&bytes));
            ends.insert(page.serial, end);
            at += bytes.len() as u64;
        }
        if warning.is_none() && ends.values().any(|end| !end.is_last) {
            warning = Some("cut short: the last page is missing".into());
        }
        Ok(Self { intact: at, ends, setups, warning })
    }
}

/// A collector of the first packets of a stream, while its pages arrive.
#[derive(Default)]
struct Headers {
    n_done: usize,
    /// The packet that is still incomplete.
    packet: Vec<u8>,
}

impl Headers {
    /// Adds the next page. Returns the setup header if it ends on this page, or the first packet of a stream other than
    /// Vorbis.
    fn push(&mut self, page: &[u8]) -> Option<Vec<u8>> {
        let (lengths, mut body) = page[HEADER_BYTES..].split_at(page[HEADER_BYTES - 1].into());
        for &length in lengths {
            let (piece, rest) = body.split_at(length.into());
            body = rest;
            if self.n_done == N_HEADERS {
                return None;
            }
            self.packet.extend_from_slice(piece);
            if length == u8::MAX {
                continue;
            }
            let packet = std::mem::take(&mut self.packet);
            self.n_done =
                if packet.starts_with(b"\x01vorbis") || self.n_done > 0 { self.n_done + 1 } else { N_HEADERS };
            if self.n_done == N_HEADERS {
                return Some(packet);
            }
        }
        None
    }
}

struct OggPage {
    flags: u8,
    granule: u64,
    serial: u32,
    sequence: u32,
}

impl OggPage {
    /// Reads the next page into `bytes`; `None` if the page is incomplete or its checksum is wrong.
    fn read(reader: &mut impl Read, bytes: &mut Vec<u8>) -> io::Result<Option<Self>> {
        bytes.clear();
        let mut append = |bytes: &mut Vec<u8>, n: usize| -> io::Result<bool> {
            Ok(reader.by_ref().take(n as u64).read_to_end(bytes)? == n)
        };
        if !append(bytes, HEADER_BYTES)? || !bytes.starts_with(b"OggS") {
            return Ok(None);
        }
        let n_lengths = bytes[HEADER_BYTES - 1].into();
        if !append(bytes, n_lengths)? {
            return Ok(None);
        }
        let n_body = bytes[HEADER_BYTES..].iter().copied().map(usize::from).sum();
        Ok(if append(bytes, n_body)? { Self::parse(bytes) } else { None })
    }

    /// Parses the header of the whole page `bytes`; `None` if its checksum is wrong.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut crc = Crc32::new(0);
        crc.process_buf_bytes(&bytes[..CHECKSUM.start]);
        crc.process_buf_bytes(&[0; 4]);
        crc.process_buf_bytes(&bytes[CHECKSUM.end..]);
        if bytes[CHECKSUM] != crc.crc().to_le_bytes() {
            return None;
        }
        let (_, fields) = bytes.split_at(6);
        let (granule, fields) = fields.split_first_chunk()?;
        let (serial, fields) = fields.split_first_chunk()?;
        let (sequence, _) = fields.split_first_chunk()?;
        Some(Self {
            flags: bytes[5],
            granule: u64::from_le_bytes(*granule),
            serial: u32::from_le_bytes(*serial),
            sequence: u32::from_le_bytes(*sequence),
        })
    }
}
