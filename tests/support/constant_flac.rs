//! A FLAC file of few bytes and much sound.

use symphonia::core::checksum::{Crc8Ccitt, Crc16Ansi};
use symphonia::core::io::Monitor;

/// Frames of a block.
pub const BLOCK: usize = 65_535;

/// A FLAC file of eight channels, 16 bits and 16 kHz that holds one value and so needs few bytes: `n_blocks` blocks of
/// [`BLOCK`] frames.
pub fn constant_flac(n_blocks: usize) -> Vec<u8> {
    let block = (BLOCK as u16).to_be_bytes();
    let mut bytes = [b"fLaC\x80\0\0\x22", &block[..], &block, &[0; 6]].concat();
    let n_frames = (n_blocks * BLOCK) as u64;
    bytes.extend((16_000 << 44 | 7 << 41 | 15 << 36 | n_frames).to_be_bytes());
    bytes.extend([0; 16]);
    for number in 0..n_blocks as u8 {
        // Fixed size, 16 bits for it, 16 kHz, eight channels of 16 bits each.
        let mut frame = vec![0xff, 0xf8, 0x75, 0x78];
        assert!(number < 0x80, "numbers of one byte");
        frame.push(number);
        frame.extend((BLOCK as u16 - 1).to_be_bytes());
        let mut crc = Crc8Ccitt::new(0);
        crc.process_buf_bytes(&frame);
        frame.push(crc.crc());
        for _ in 0..8 {
            frame.extend([0x00, 0x12, 0x34]);
        }
        let mut crc = Crc16Ansi::new(0);
        crc.process_buf_bytes(&frame);
        frame.extend(crc.crc().to_be_bytes());
        bytes.extend(frame);
    }
    bytes
}
