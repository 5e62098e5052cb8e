//! Damaged files give their intact beginning or an error, never a panic and never memory by a header's claim.

use std::fs;
use std::ops::Range;

use proptest::prelude::*;
use symphonia::core::checksum::Crc32;
use symphonia::core::io::Monitor;
use weaklabel::data::audio::{self, Decoded, decode};

use crate::support::audio_formats::{folder, rows};

/// 44 223 frames on three pages of audio, which start at bytes 3446, 7694 and 11955 and end at frames 15 488, 31 872
/// and 44 223: libsndfile's encoding of a sweep and noise.
const VORBIS_PAGES: &[u8] = include_bytes!("vorbis_pages.ogg");

fn decode_bytes(bytes: &[u8]) -> Result<Decoded, String> {
    audio::decode_bytes(bytes, 1 << 22)
}

/// Frames of the beginning that is left of a damaged file.
fn beginning(bytes: &[u8], whole: &Decoded) -> (usize, Vec<String>) {
    let cut = decode_bytes(bytes).unwrap();
    let n_frames = cut.audio.samples.len();
    assert!(cut.audio.samples[..] == whole.audio.samples[..n_frames], "other samples");
    (n_frames, cut.warnings)
}

fn assert_beginning(bytes: &[u8], whole: &Decoded, n_frames: usize, warning: &str) {
    let (found, warnings) = beginning(bytes, whole);
    assert_eq!((found, warnings.len()), (n_frames, 1), "{warnings:?}");
    assert!(warnings[0].contains(warning), "{warnings:?} does not say {warning:?}");
}

#[test]
fn an_ogg_file_is_read_up_to_its_first_bad_page() {
    let whole = decode_bytes(VORBIS_PAGES).unwrap();
    assert_eq!((whole.audio.rate, whole.audio.samples.len(), whole.warnings.len()), (22_050, 44_223, 0));
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

/// With the number of its frames erased, as an encoder writes it that cannot go back.
fn of_unknown_length(mut flac: Vec<u8>) -> Vec<u8> {
    flac[21] &= 0xf0;
    flac[22..26].fill(0);
    flac
}

#[test]
fn damage_anywhere_in_a_flac_file_is_a_warning() {
    let known = fs::read(folder().join("flac16_mono_44k1.flac")).unwrap();
    let whole = decode_bytes(&known).unwrap();
    let unknown = of_unknown_length(known.clone());
    assert!(decode_bytes(&unknown).unwrap() == whole);
    for bytes in [known, unknown] {
        // The first frame starts at byte 8256 and the second at 9608.
        for at in (9_650..bytes.len()).step_by(397).chain([bytes.len() - 1]) {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x10;
            for damaged in [&flipped, &bytes[..at]] {
                let (n_frames, warnings) = beginning(damaged, &whole);
                assert!(n_frames < whole.audio.samples.len() && warnings.len() == 1, "byte {at}: {warnings:?}");
            }
        }
        let mut first = bytes.clone();
        first[8_300] ^= 0x10;
        let rest = decode_bytes(&first).unwrap();
        assert!(rest.audio.samples[..] == whole.audio.samples[4_608..]);
        assert_eq!(rest.warnings, ["its first 4608 frames are damaged or missing"]);
        let mut every = bytes.clone();
        every[8_300..].iter_mut().step_by(500).for_each(|byte| *byte ^= 0x10);
        assert!(decode_bytes(&every).unwrap_err().contains("no samples"));
        let more = [&bytes[..], b"something else, of which nobody knows anything"].concat();
        let (_, warnings) = beginning(&more, &whole);
        assert_eq!(warnings.len(), 1);
        // A second file behind the first does not go on where the first ends.
        let (n_frames, warnings) = beginning(&[&bytes[..], &bytes[..]].concat(), &whole);
        assert!(n_frames <= whole.audio.samples.len() && warnings.len() == 1, "{n_frames} frames, {warnings:?}");
    }
}

#[test]
fn more_frames_than_a_flac_header_claims_are_a_warning() {
    let mut bytes = fs::read(folder().join("flac16_mono_44k1.flac")).unwrap();
    bytes[22..26].copy_from_slice(&40_000u32.to_be_bytes());
    let decoded = decode_bytes(&bytes).unwrap();
    assert_eq!(decoded.audio.samples.len(), 44_100);
    assert_eq!(decoded.warnings, ["the header claims 40000 frames, 44100 are there"]);
}

/// The bytes of a file of `tests/audio-formats`.
fn bytes_of(file: &str) -> Vec<u8> {
    fs::read(folder().join(file)).unwrap()
}

#[test]
fn a_file_of_frames_is_read_up_to_the_first_that_is_missing() {
    for file in [
        "mp3_mono_44k1.mp3",
        "mp3_vbr_mono_16k.mp3",
        "mp3_no_tag_mono_44k1.mp3",
        "mp2_stereo_48k.mp2",
        "aac_adts_mono_16k.aac",
    ] {
        let bytes = bytes_of(file);
        let whole = decode_bytes(&bytes).unwrap();
        for share in [6, 8] {
            let cut = &bytes[..bytes.len() * share / 10];
            let (n_frames, warnings) = beginning(cut, &whole);
            assert!((1..whole.audio.samples.len()).contains(&n_frames), "{file}: {n_frames} frames");
            assert!(warnings.len() == 1 && warnings[0].contains("cut short"), "{file}: {warnings:?}");
        }
        // A gap is seen at once, and so is a file behind the file.
        let mut gap = bytes.clone();
        gap.drain(bytes.len() / 2..bytes.len() / 2 + 40);
        let found = decode_bytes(&gap).unwrap();
        // The block in which the gap lies is heard, with what is left of it.
        let (n_frames, n_same) = (found.audio.samples.len(), found.audio.samples.len().saturating_sub(1152));
        assert!(n_frames < whole.audio.samples.len(), "{file}: {n_frames} frames");
        assert!(found.audio.samples[..n_same] == whole.audio.samples[..n_same], "{file}");
        let warnings = found.warnings;
        assert!(warnings.len() == 1 && warnings[0].contains("damaged after"), "{file}: {warnings:?}");
        let other = [&bytes, &b"something else of which nobody knows anything"[..]].concat();
        let decoded = decode_bytes(&other).unwrap();
        assert!(decoded.audio == whole.audio && decoded.warnings.len() == 1, "{file}: {:?}", decoded.warnings);
        // What fills a file up is no damage, and neither are zeros in front.
        assert!(decode_bytes(&[&bytes[..], &[0; 3000]].concat()).unwrap() == whole, "{file}");
        let late = [&b"ID3\x03\0\0\0\0\0\x02.."[..], &[0; 500], &bytes].concat();
        assert!(decode_bytes(&late).unwrap() == whole, "{file}");
        // Bytes in front of the first whole frame are damage.
        let begun = [&b"ID3\x03\0\0\0\0\0\x02.."[..], b"junk", &bytes].concat();
        let begun = decode_bytes(&begun).unwrap();
        assert!(begun.audio == whole.audio, "{file}");
        assert!(begun.warnings[0].contains("its first 4 bytes are damaged"), "{file}: {:?}", begun.warnings);
    }
}

#[test]
fn more_frames_than_an_mp3_claims_are_kept_with_a_warning() {
    let bytes = bytes_of("mp3_lame_stereo_44k1.mp3");
    let whole = decode_bytes(&bytes).unwrap();
    // The tag's number of frames follows its name and flags.
    let at = bytes.windows(4).position(|name| name == b"Info").unwrap() + 8;
    let n_blocks = u32::from_be_bytes(*bytes[at..].first_chunk().unwrap());
    let mut fewer = bytes.clone();
    fewer[at..at + 4].copy_from_slice(&(n_blocks - 5).to_be_bytes());
    let decoded = decode_bytes(&fewer).unwrap();
    assert!(decoded.audio.samples.len() >= whole.audio.samples.len() - 1152, "{}", decoded.audio.samples.len());
    assert!(decoded.warnings[0].contains("the header claims"), "{:?}", decoded.warnings);
}

#[test]
fn an_mp4_without_its_end_is_read_as_far_as_it_can_be() {
    let bytes = bytes_of("aac_fragments_mono_16k.m4a");
    let whole = decode_bytes(&bytes).unwrap();
    let cut = decode_bytes(&bytes[..bytes.len() * 2 / 3]).unwrap();
    let n_frames = cut.audio.samples.len();
    assert!(n_frames < whole.audio.samples.len() && cut.audio.samples[..] == whole.audio.samples[..n_frames]);
    assert_eq!(cut.warnings.len(), 1, "{:?}", cut.warnings);
    // The index of the other file is at its end.
    let bytes = bytes_of("aac_stereo_44k1.m4a");
    let reason = decode_bytes(&bytes[..bytes.len() / 2]).unwrap_err();
    assert!(reason.contains("cut short or never finished"), "{reason}");
}

#[test]
fn a_file_of_samples_gives_those_that_are_there() {
    for file in [
        "rf64_mono_16k.wav",
        "w64_stereo_16k.w64",
        "aiff16_stereo_16k.aiff",
        "caf16_stereo_16k.caf",
        "aiff24_mono_16k.aif",
    ] {
        let bytes = bytes_of(file);
        let whole = decode_bytes(&bytes).unwrap();
        let (n_frames, warnings) = beginning(&bytes[..bytes.len() / 2], &whole);
        assert!((1..1000).contains(&n_frames), "{file}: {n_frames} frames");
        assert!(warnings[0].contains("claims"), "{file}: {warnings:?}");
    }
}

/// Pictures and comments are skipped unread: their lengths are no matter.
#[test]
fn other_blocks_of_a_flac_header_are_skipped() {
    let bytes = fs::read(folder().join("flac16_mono_44k1.flac")).unwrap();
    let picture = [&[6, 0, 0, 9][..], b"\xff\xff\xff\xffgiant"].concat();
    let with_picture = [&bytes[..42], &picture, &bytes[42..]].concat();
    assert!(decode_bytes(&with_picture).unwrap() == decode_bytes(&bytes).unwrap());
}

#[test]
fn a_file_cut_inside_its_headers_is_refused() {
    for file in ["truncated.ogg", "vorbis_stereo_48k.ogg", "flac24_stereo_48k.flac", "pcm16_stereo_48k.wav"] {
        let bytes = fs::read(folder().join(file)).unwrap();
        assert!(!decode_bytes(&bytes[..bytes.len().min(40)]).unwrap_err().is_empty(), "{file}");
    }
    assert!(decode(&folder().join("truncated.ogg")).unwrap_err().to_string().contains("cut short at byte 58"));
}

/// The result, and the bytes that this thread held at most while it decoded, touched or not: other tests run beside it.
fn decode_bytes_measured(bytes: &[u8]) -> (Result<Decoded, String>, u64) {
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

/// Files with wrong bytes and a cut, as a bad disk leaves them.
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

/// A page of stream 7 that holds one packet.
fn page(flags: u8, sequence: u32, packet: &[u8]) -> Vec<u8> {
    let full = vec![255; packet.len() / 255];
    let lengths = [full, vec![(packet.len() % 255) as u8]].concat();
    let mut page = [b"OggS\0", &[flags][..], &[0; 8], &[7, 0, 0, 0], &sequence.to_le_bytes(), &[0; 4]].concat();
    page.push(lengths.len() as u8);
    page.extend([&lengths, packet].concat());
    set_checksum(&mut page);
    page
}

fn set_checksum(page: &mut [u8]) {
    page[22..26].fill(0);
    let mut crc = Crc32::new(0);
    crc.process_buf_bytes(page);
    page[22..26].copy_from_slice(&crc.crc().to_le_bytes());
}

/// Bits in Vorbis's order, the lowest first.
#[derive(Default)]
struct Bits(Vec<bool>);

impl Bits {
    fn push(&mut self, value: u32, n_bits: u32) {
        self.0.extend((0..n_bits).map(|bit| value >> bit & 1 == 1));
    }

    fn bytes(&self) -> Vec<u8> {
        let byte = |bits: &[bool]| bits.iter().enumerate().map(|(bit, &is_set)| u8::from(is_set) << bit).sum();
        self.0.chunks(8).map(byte).collect()
    }
}

#[test]
fn vorbis_codebooks_that_ask_for_much_memory_are_refused() {
    let n_codebooks = 100;
    let mut setup = Bits::default();
    setup.push(n_codebooks - 1, 8);
    for _ in 0..n_codebooks {
        setup.push(0x0056_4342, 24);
        // 131 072 entries of 31 dimensions, all with code words of 17 bits, on a lattice of one value: 16 MB.
        setup.push(31, 16);
        setup.push(1 << 17, 24);
        setup.push(1, 1);
        setup.push(16, 5);
        setup.push(1 << 17, 18);
        setup.push(1, 4);
        setup.push(0, 32);
        setup.push(0, 32);
        setup.push(0, 4);
        setup.push(0, 1);
        setup.push(0, 1);
    }
    let setup = [b"\x05vorbis", &setup.bytes()[..]].concat();
    let comment = [b"\x03vorbis", &[0; 8][..], &[1]].concat();
    let mut bytes = [&VORBIS_PAGES[..58], &page(0, 1, &comment), &page(0, 2, &setup), &page(4, 3, &[0; 20])].concat();
    bytes[14..18].copy_from_slice(&[7, 0, 0, 0]);
    set_checksum(&mut bytes[..58]);
    let (result, taken) = decode_bytes_measured(&bytes);
    assert!(result.unwrap_err().contains("codebooks"), "{} bytes of headers", bytes.len());
    assert!(taken < 1 << 20, "{taken} bytes");
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
            set_checksum(&mut bytes[page]);
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
        Err(reason) => prop_assert!(!reason.is_empty()),
    }
    prop_assert!(taken < 64 << 20, "{taken} bytes for a file of {}", bytes.len());
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
