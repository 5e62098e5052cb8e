//! Every file of `tests/audio-formats` behaves as its table says, sample by sample.

use std::collections::HashMap;
use std::f64::consts::TAU;
use std::ops::Range;

use weaklabel::Error;
use weaklabel::data::audio::{Audio, Decoded, decode};

use crate::support::audio_formats::{Row, folder, rows};

fn read(file: &str) -> Decoded {
    decode(&folder().join(file)).unwrap()
}

fn assert_shape(row: &Row, decoded: &Decoded) {
    assert_eq!(Some(decoded.audio.rate), row.rate, "{}", row.file);
    assert_eq!(Some(decoded.channels), row.channels, "{}", row.file);
    assert_eq!(Some(decoded.audio.samples.len()), row.frames, "{}", row.file);
}

#[test]
fn good_files_decode_without_a_warning() {
    for row in rows().iter().filter(|row| row.outcome == "decode") {
        let decoded = read(&row.file);
        assert_shape(row, &decoded);
        assert!(decoded.warnings.is_empty(), "{}: {:?}", row.file, decoded.warnings);
    }
}

#[test]
fn damaged_files_decode_to_the_frames_that_are_there() {
    for row in rows().iter().filter(|row| row.outcome == "decode+warn") {
        assert_shape(row, &read(&row.file));
    }
    let warnings = |file| read(file).warnings;
    assert_eq!(warnings("claims_more_data.wav"), ["the data chunk claims 32000 bytes, 8000 are there"]);
    assert_eq!(warnings("half_frame_at_end.wav"), ["the data end inside a frame"]);
    assert!(warnings("extensible_float32_stereo.wav")[0].contains("2 channels cancel each other out, to silence"));
    // A streamed file says that it does not know its size, and is as it should be.
    assert_eq!(warnings("claims_4gib.wav"), [""; 0]);
}

#[test]
fn bad_files_are_refused_by_name_and_reason() {
    let reasons = HashMap::from([
        ("channels_zero.wav", "bad channel count"),
        ("empty_data.wav", "no samples"),
        ("header_only.wav", "no data chunk"),
        ("header_truncated.wav", "truncated header"),
        ("nan_inf_float.wav", "sample 1000 is not finite"),
        ("rate_zero.wav", "bad sample rate"),
        ("text_named.wav", "not audio"),
        ("zero_bytes.wav", "the file is empty"),
        ("adpcm_mono_8k.wav", "unsupported codec 0x11"),
        ("caf_ima4_mono_16k.caf", "unsupported codec \"ima4\" in CAF"),
        ("opus_named.ogg", "unsupported codec Opus"),
    ]);
    let refused = rows().into_iter().filter(|row| row.outcome == "refuse").map(|row| row.file);
    for file in refused.chain(["adpcm_mono_8k.wav".into(), "opus_named.ogg".into()]) {
        let error = decode(&folder().join(&file)).unwrap_err();
        assert!(matches!(error, Error::Audio { .. }), "{file}: {error:?}");
        let (message, reason) = (error.to_string(), reasons[file.as_str()]);
        assert!(message.contains(&file) && message.contains(reason), "{message:?} does not say {reason:?}");
    }
}

#[test]
fn content_decides_and_not_the_name() {
    let decoded = read("wav_named.ogg");
    assert_eq!((decoded.audio.rate, decoded.audio.samples.len(), decoded.warnings.len()), (16_000, 4_000, 0));
}

#[test]
fn a_missing_file_is_named() {
    let error = decode(&folder().join("missing.wav")).unwrap_err();
    assert!(matches!(error, Error::Io { .. }) && error.to_string().contains("missing.wav"), "{error}");
}

/// Sines of (frequency, amplitude), whose mean is the file's content.
type Sines<'a> = &'a [(f64, f64)];

fn mean_of(sines: Sines, rate: u32, n: usize) -> f64 {
    let sum: f64 = sines.iter().map(|(f, a)| a * (TAU * f * n as f64 / f64::from(rate)).sin()).sum();
    sum / sines.len() as f64
}

fn assert_sines(file: &str, sines: Sines, step: f64) {
    let audio = read(file).audio;
    for (n, &x) in audio.samples.iter().enumerate() {
        let expected = mean_of(sines, audio.rate, n);
        // Half a step of each channel at most, and the rounding of the mean to f32.
        let tolerance = 0.5 * step + 6e-8 * expected.abs() + 1e-12;
        assert!((f64::from(x) - expected).abs() <= tolerance, "{file}: sample {n} is {x}, not {expected}");
    }
}

#[test]
fn integer_files_hold_their_sines_to_half_a_step() {
    let six: Vec<_> = (1..=6).map(|c| (200.0 * f64::from(c), 0.1 * f64::from(c))).collect();
    let two: Sines = &[(440.0, 0.5), (880.0, 0.25)];
    let one: Sines = &[(440.0, 0.5)];
    for (file, sines, bits) in [
        ("pcm8_mono_8k.wav", one, 8),
        ("extensible_pcm16_mono.wav", &[(660.0, 0.5)], 16),
        ("pcm16_mono_192k.wav", &[(1000.0, 0.5)], 16),
        ("pcm16_stereo_48k.wav", two, 16),
        ("pcm16_6ch_48k.wav", &six, 16),
        ("flac16_mono_44k1.flac", one, 16),
        ("pcm24_mono_44k1.wav", one, 24),
        ("extensible_24in32.wav", &[(660.0, 0.5)], 24),
        ("flac24_stereo_48k.flac", two, 24),
        ("pcm32_mono_44k1.wav", one, 32),
        ("rf64_mono_16k.wav", one, 16),
        ("w64_stereo_16k.w64", two, 16),
        ("aiff16_stereo_16k.aiff", two, 16),
        ("aiff24_mono_16k.aif", one, 16),
        ("aifc_sowt_mono_16k.aifc", one, 16),
        ("aifc_float32_mono_16k.aifc", one, 16),
        ("caf16_stereo_16k.caf", two, 16),
        ("caf_float32_mono_16k.caf", one, 16),
        ("alac_stereo_16k.m4a", two, 16),
        // Its encoder cuts the lower bits off.
        ("aiff8_mono_16k.aiff", one, 7),
    ] {
        assert_sines(file, sines, 2f64.powi(1 - bits));
    }
}

/// The expected steps, computed as the files were made, and not only within half a step.
#[test]
fn flac_is_bit_exact() {
    for (file, sines, full) in [
        ("flac16_mono_44k1.flac", &[(440.0, 0.5)] as Sines, 32_768.0),
        ("flac24_stereo_48k.flac", &[(440.0, 0.5), (880.0, 0.25)], 8_388_608.0),
    ] {
        let audio = read(file).audio;
        for (n, &x) in audio.samples.iter().enumerate() {
            let steps: f64 = sines.iter().map(|s| (full * mean_of(&[*s], audio.rate, n)).round()).sum();
            assert_eq!(x, (steps / full / sines.len() as f64) as f32, "{file}: sample {n}");
        }
    }
}

#[test]
fn float_files_hold_their_sines_to_rounding() {
    assert_sines("float32_mono_22k05.wav", &[(440.0, 0.5)], 0.0);
    assert_sines("float64_mono_16k.wav", &[(440.0, 0.5)], 0.0);
    let peak = read("float32_over_one.wav").audio.samples.into_iter().fold(0f32, |peak, x| peak.max(x.abs()));
    assert!((1.499..=1.5).contains(&peak), "peak {peak}");
    assert!(read("extensible_float32_stereo.wav").audio.samples.iter().all(|&x| x == 0.0), "left + right is silence");
}

#[test]
fn small_cases() {
    assert_eq!(read("one_sample.wav").audio.samples, [12_345.0 / 32_768.0]);
    assert!(read("silence_16k.wav").audio.samples.iter().all(|&x| x == 0.0));
}

/// The ratio of the sines to the difference from them, in dB, for the samples in `part`, which begin `delay` samples late.
fn snr(audio: &Audio, sines: Sines, delay: usize, part: Range<usize>) -> f64 {
    let (mut signal, mut noise) = (0.0, 0.0);
    for n in part {
        let expected = mean_of(sines, audio.rate, n - delay);
        signal += expected * expected;
        noise += (f64::from(audio.samples[n]) - expected).powi(2);
    }
    10.0 * (signal / noise).log10()
}

#[test]
fn lossy_files_hold_their_sines_at_their_time() {
    let two: Sines = &[(440.0, 0.5), (880.0, 0.25)];
    let one: Sines = &[(440.0, 0.5)];
    // The delay is that of the encoder, where the file does not tell; the length is that of the original.
    for (file, sines, delay, length) in [
        ("mp3_mono_44k1.mp3", one, 0, 22_050),
        ("mp3_lame_stereo_44k1.mp3", two, 0, 22_050),
        ("mp3_vbr_mono_16k.mp3", one, 0, 8_000),
        ("mp3_no_tag_mono_44k1.mp3", one, 1_105, 22_050),
        ("mp2_stereo_48k.mp2", two, 481, 12_001),
        ("aac_stereo_44k1.m4a", two, 0, 22_050),
        ("aac_fragments_mono_16k.m4a", one, 1_024, 8_000),
        ("aac_adts_mono_16k.aac", one, 1_024, 8_000),
    ] {
        let audio = read(file).audio;
        // Encoders smear the beginning and the end.
        let middle = delay + length / 8..(delay + length * 7 / 8).min(audio.samples.len());
        let snr = snr(&audio, sines, delay, middle);
        println!("{file}: {snr:.1} dB");
        assert!(snr > 25.0, "{file}: {snr:.1} dB");
    }
}

#[test]
fn an_opus_file_is_named_with_the_command_that_converts_it() {
    let message = decode(&folder().join("opus_named.ogg")).unwrap_err().to_string();
    assert!(message.contains("Opus") && message.contains("ffmpeg -i IN OUT.flac"), "{message}");
}

/// A shift by one sample would leave less than 25 dB.
#[test]
fn vorbis_is_in_phase_to_its_very_end() {
    for (file, sines) in
        [("vorbis_mono_44k1.ogg", &[(440.0, 0.5)] as Sines), ("vorbis_stereo_48k.ogg", &[(440.0, 0.5), (880.0, 0.25)])]
    {
        let audio = read(file).audio;
        for part in [0..audio.samples.len(), 0..2048, audio.samples.len() - 2048..audio.samples.len()] {
            let snr = snr(&audio, sines, 0, part.clone());
            println!("{file} {part:?}: {snr:.1} dB");
            assert!(snr > 30.0, "{file} {part:?}: {snr:.1} dB");
        }
    }
}
