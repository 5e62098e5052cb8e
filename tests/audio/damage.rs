//! Damaged files give their intact beginning or an error, never a panic and never memory by a header's claim.

use std::fs;
use std::ops::Range;

use proptest::prelude::*;
use symphonia::core::checksum::Crc32;
use symphonia::core::io::Monitor;
use weaklabel::audio::{Decoded, decode};
use weaklabel::{Error, Result};

use crate::formats::{folder, rows};

/// 44 223 frames on three pages of audio, which start at bytes 3446, 7694 and 11955 and end at frames 15 488, 31 872
/// and 44 223: libsndfile's encoding of a sweep and noise.
const VORBIS_PAGES: &[u8] = include_bytes!("vorbis_pages.ogg");

fn decode_bytes(bytes: &[u8]) -> Result<Decoded> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sound");
    fs::write(&path, bytes).unwrap();
    decode(&path)
}

fn assert_beginning(bytes: &[u8], whole: &Decoded, n_frames: usize, warning: &str) {
    let cut = decode_bytes(bytes).unwrap();
    assert_eq!(cut.audio.samples.len(), n_frames);
    assert_eq!(cut.audio.samples[..], whole.audio.samples[..n_frames]);
    let found = cut.warning.unwrap();
    assert!(found.contains(warning), "{found:?} does not say {warning:?}");
}

#[test]
fn an_ogg_file_is_read_up_to_its_first_bad_page() {
    let whole = decode_bytes(VORBIS_PAGES).unwrap();
    assert_eq!((whole.audio.rate, whole.audio.samples.len(), &whole.warning), (22_050, 44_223, &None));
    let cut_inside_a_page = &VORBIS_PAGES[..12_100];
    assert_beginning(cut_inside_a_page, &whole, 31_872, "damaged or cut short at byte 11955");
    let cut_between_pages = &VORBIS_PAGES[..11_955];
    assert_beginning(cut_between_pages, &whole, 31_872, "the last page is missing");
    let mut one_wrong_byte = VORBIS_PAGES.to_vec();
    one_wrong_byte[8_000] ^= 0x10;
    assert_beginning(&one_wrong_byte, &whole, 15_488, "damaged or cut short at byte 7694");
    let twice = [VORBIS_PAGES, VORBIS_PAGES].concat();
    assert_beginning(&twice, &whole, 44_223, "another stream follows");
}

/// A page that is not there at all leaves intact pages only.
#[test]
fn an_ogg_file_is_read_up_to_a_missing_page() {
    let gap = [&VORBIS_PAGES[..7_694], &VORBIS_PAGES[11_955..]].concat();
    let whole = decode_bytes(VORBIS_PAGES).unwrap();
    assert_beginning(&gap, &whole, 15_488, "a page is missing at byte 7694");
}

#[test]
fn a_flac_file_is_read_up_to_its_first_bad_frame() {
    let bytes = fs::read(folder().join("flac16_mono_44k1.flac")).unwrap();
    let whole = decode_bytes(&bytes).unwrap();
    // Frames of 4 608 samples start at bytes 8256, 9608, 11006, 12420, 13892, …
    assert_beginning(&fs::read(folder().join("truncated.flac")).unwrap(), &whole, 3 * 4_608, "cut short");
    let mut one_wrong_byte = bytes.clone();
    one_wrong_byte[10_000] ^= 1;
    assert_beginning(&one_wrong_byte, &whole, 4_608, "damaged after 4608 frames");
    let gap = [&bytes[..11_006], &bytes[12_420..]].concat();
    assert_beginning(&gap, &whole, 2 * 4_608, "damaged after 9216 frames");
}

#[test]
fn a_file_cut_inside_its_headers_is_refused() {
    for file in ["truncated.ogg", "vorbis_stereo_48k.ogg", "flac24_stereo_48k.flac", "pcm16_stereo_48k.wav"] {
        let bytes = fs::read(folder().join(file)).unwrap();
        let error = decode_bytes(&bytes[..bytes.len().min(40)]).unwrap_err();
        assert!(matches!(error, Error::Audio { .. }), "{file}: {error}");
    }
    assert!(decode(&folder().join("truncated.ogg")).unwrap_err().to_string().contains("cut short at byte 58"));
}

/// What [`decode_bytes`] says, and the bytes that this thread held at most while it ran, touched or not: other tests
/// run beside it.
fn decode_bytes_measured(bytes: &[u8]) -> (Result<Decoded>, u64) {
    let mut result = None;
    let memory = allocation_counter::measure(|| result = Some(decode_bytes(bytes)));
    (result.unwrap(), memory.bytes_max)
}

fn originals() -> Vec<Vec<u8>> {
    let good = rows().into_iter().filter(|row| row.outcome != "refuse");
    let files = good.map(|row| fs::read(folder().join(row.file)).unwrap());
    // Short files, so that a wrong byte often hits a header.
    files.map(|bytes| bytes[..bytes.len().min(20_000)].to_vec()).chain([VORBIS_PAGES.to_vec()]).collect()
}

/// What wrong bytes and a cut do to a file on a disk.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let at = prop_oneof![0..100usize, 0..20_000usize];
    let flips = prop::collection::vec((at, 1..=255u8), 0..4);
    (prop::sample::select(originals()), flips, prop_oneof![Just(usize::MAX), 0..20_000usize]).prop_map(
        |(mut bytes, flips, n_bytes)| {
            bytes.truncate(n_bytes);
            for (at, mask) in flips {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= mask;
                }
            }
            bytes
        },
    )
}

/// Wrong bytes in the stream headers of [`VORBIS_PAGES`] under a right checksum, so that they reach the decoder.
fn forged() -> impl Strategy<Value = Vec<u8>> {
    const HEADER_PAGES: [Range<usize>; 2] = [0..58, 58..3446];
    prop::collection::vec((0..3446usize, any::<u8>()), 1..4).prop_map(|changes| {
        let mut bytes = VORBIS_PAGES.to_vec();
        for (at, byte) in changes {
            bytes[at] = byte;
        }
        for page in HEADER_PAGES {
            let page = &mut bytes[page];
            page[22..26].fill(0);
            let mut crc = Crc32::new(0);
            crc.process_buf_bytes(page);
            page[22..26].copy_from_slice(&crc.crc().to_le_bytes());
        }
        bytes
    })
}

fn assert_decodes_or_refuses(bytes: &[u8]) -> Result<(), TestCaseError> {
    let (result, taken) = decode_bytes_measured(bytes);
    match result {
        Ok(decoded) => {
            prop_assert!(!decoded.audio.samples.is_empty());
            prop_assert!(decoded.audio.samples.iter().all(|x| x.is_finite()));
        }
        Err(Error::Audio { path, reason }) => prop_assert!(path.ends_with("sound") && !reason.is_empty()),
        Err(other) => prop_assert!(false, "{other:?}"),
    }
    prop_assert!(taken < 1 << 30, "{taken} bytes for a file of {}", bytes.len());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damage_neither_panics_nor_takes_memory(bytes in damaged()) {
        assert_decodes_or_refuses(&bytes)?;
    }

    #[test]
    fn forged_headers_neither_panic_nor_take_memory(bytes in forged()) {
        assert_decodes_or_refuses(&bytes)?;
    }
}

#[test]
fn a_claim_of_4_gib_takes_no_memory() {
    let (result, taken) = decode_bytes_measured(&fs::read(folder().join("claims_4gib.wav")).unwrap());
    result.unwrap();
    assert!(taken < 1 << 20, "{taken} bytes");
}
