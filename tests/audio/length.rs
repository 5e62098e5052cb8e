//! Memory is bounded by the mono samples that are kept, and those by a limit.

use weaklabel::data::audio::{AudioStream, Decoded, decode, decode_at, decode_bytes, resample};

use crate::support::audio_formats::{folder, rows};
use crate::support::constant_flac::{BLOCK, constant_flac};
use crate::wav_file::{chunk, format, riff};

const N_BLOCKS: usize = 20;

/// The result, and the bytes that this thread held at most while it decoded.
fn measured(bytes: &[u8], max_samples: usize) -> (Result<Decoded, String>, usize) {
    let mut result = None;
    let memory = allocation_counter::measure(|| result = Some(decode_bytes(bytes, max_samples)));
    (result.unwrap(), memory.bytes_max as usize)
}

#[test]
fn memory_does_not_grow_with_the_channels() {
    let (decoded, taken) = measured(&constant_flac(N_BLOCKS), usize::MAX);
    let decoded = decoded.unwrap();
    assert_eq!((decoded.channels, decoded.audio.samples.len(), decoded.warnings), (8, N_BLOCKS * BLOCK, vec![]));
    let value = f32::from(0x1234_i16) / 32_768.0;
    assert!(decoded.audio.samples.iter().all(|&x| x == value));
    // A growing list holds up to three times its contents while it moves; one block of eight channels is decoded.
    let most = 3 * 4 * N_BLOCKS * BLOCK + 4 * 4 * 8 * BLOCK;
    assert!(taken < most && most < N_BLOCKS * BLOCK * 8 * 4, "{taken} bytes");
}

#[test]
fn a_file_beyond_the_limit_is_refused_early() {
    let bytes = constant_flac(N_BLOCKS);
    assert!(decode_bytes(&bytes, N_BLOCKS * BLOCK).is_ok());
    let (refused, taken) = measured(&bytes, 2 * BLOCK);
    let reason = refused.unwrap_err();
    // 20 times 65 535 frames at 16 kHz are 81.9 s, and two times 8.2 s.
    assert!(reason.contains("lasts 1m 21s") && reason.contains("131070 samples") && reason.contains(" 8s"), "{reason}");
    assert!(reason.contains("ffmpeg"), "{reason}");
    assert!(taken < 3 * 4 * 3 * BLOCK + 4 * 4 * 8 * BLOCK, "{taken} bytes");
    // A header of unknown length: what was read before the limit is a part of it.
    let mut unknown = bytes.clone();
    unknown[21] &= 0xf0;
    unknown[22..26].fill(0);
    assert!(decode_bytes(&unknown, 2 * BLOCK).unwrap_err().contains("lasts more than 12s"));
    assert_eq!(decode_bytes(&unknown, usize::MAX).unwrap().warnings, [""; 0]);

    let wav = riff(&[format(1, 2, 8), chunk(b"data", 640_000, &vec![128; 640_000])]);
    let (refused, taken) = measured(&wav, 319_999);
    assert!(refused.unwrap_err().contains("lasts 20s"));
    assert!(taken < 10_000, "nothing is decoded: {taken} bytes");
    assert!(decode_bytes(&wav, 320_000).is_ok());
}

#[test]
fn a_file_resampled_as_it_is_read_is_the_same_file() {
    for row in rows().iter().filter(|row| row.outcome.starts_with("decode")) {
        let path = folder().join(&row.file);
        let whole = decode(&path).unwrap();
        for rate in [16_000, 44_100] {
            let expected = resample(&whole.audio.samples, whole.audio.rate, rate).unwrap();
            let found = decode_at(&path, rate, expected.len()).unwrap();
            assert!(found.audio.samples == expected, "{} at {rate} Hz", row.file);
            assert_eq!((found.audio.rate, found.seconds), (rate, whole.seconds), "{}", row.file);
            assert_eq!(found.warnings, whole.warnings, "{}", row.file);
            let refused = decode_at(&path, rate, expected.len() - 1);
            assert!(refused.unwrap_err().to_string().contains("too long"), "{}", row.file);
        }
    }
    assert!(decode_at(&folder().join("one_sample.wav"), 10, 1).is_err(), "no rate of sound");
}

#[test]
fn a_stream_has_the_samples_of_the_file() {
    for row in rows().iter().filter(|row| row.outcome.starts_with("decode")) {
        let path = folder().join(&row.file);
        let whole = decode_at(&path, 16_000, usize::MAX).unwrap();
        let mut stream = AudioStream::open(&path, 16_000).unwrap();
        let mut samples = Vec::new();
        while let Some(block) = stream.next_block().unwrap() {
            assert!(!block.is_empty(), "{}", row.file);
            samples.extend_from_slice(block);
        }
        assert!(samples == whole.audio.samples, "{}", row.file);
        assert_eq!((stream.seconds(), stream.channels()), (whole.seconds, whole.channels), "{}", row.file);
        assert_eq!(stream.warnings(), whole.warnings, "{}", row.file);
        assert_eq!(stream.next_block().unwrap(), None, "{}", row.file);
    }
}

#[test]
fn a_stream_holds_a_block_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.flac");
    std::fs::write(&path, constant_flac(120)).unwrap();
    let taken = allocation_counter::measure(|| {
        let mut stream = AudioStream::open(&path, 8_000).unwrap();
        let mut n = 0;
        while let Some(block) = stream.next_block().unwrap() {
            n += block.len();
        }
        assert_eq!(n, 120 * BLOCK / 2);
    });
    // A few blocks of eight channels; the whole as mono would be 15 MB.
    assert!(taken.bytes_max < 9_000_000, "{} bytes", taken.bytes_max);
}
