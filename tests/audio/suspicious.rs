//! Sound that can be decoded but hardly be meant, lengths that are not those of the file, and other formats by name.

use weaklabel::data::audio::{Decoded, decode_bytes};

use crate::wav_file::{chunk, format, riff, tone16, tone32};

const PCM: u16 = 1;
const FLOAT: u16 = 3;

fn decoded(bytes: &[u8]) -> Decoded {
    decode_bytes(bytes, 1 << 20).unwrap()
}

/// The only warning.
fn warning(bytes: &[u8]) -> String {
    let warnings = decoded(bytes).warnings;
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    warnings[0].clone()
}

fn wav(format: &[u8], samples: &[u8]) -> Vec<u8> {
    riff(&[format.to_vec(), chunk(b"data", samples.len(), samples)])
}

#[test]
fn floats_in_the_range_of_integers_are_a_warning() {
    for (peak, scale) in [(100.0, "1/128 "), (14_000.0, "1/32768 "), (3e6, "1/8388608 "), (2e9, "1/2147483648 ")] {
        let found = warning(&wav(&format(FLOAT, 1, 32), &tone32(2000, peak)));
        assert!(found.contains("full scale is 1") && found.contains(scale), "{found}");
    }
    // Recorders of floats do exceed full scale, but not by so much.
    for peak in [0.5, 1.5, 15.0] {
        assert!(decoded(&wav(&format(FLOAT, 1, 32), &tone32(2000, peak))).warnings.is_empty(), "{peak}");
    }
}

#[test]
fn channels_that_cancel_each_other_out_are_a_warning() {
    let stereo = |gains: &[f64]| wav(&format(PCM, gains.len() as u16, 16), &tone16(2000, gains));
    for (gains, way) in [(&[1.0, -1.0][..], ", to silence"), (&[1.0, -0.9], "nearly"), (&[1.0, -1.0, 0.5, -0.5], "to")]
    {
        let found = warning(&stereo(gains));
        assert!(found.contains("cancel each other out") && found.contains(way), "{gains:?}: {found}");
    }
    for gains in [&[1.0, 1.0][..], &[1.0, 0.0], &[0.0, 0.0], &[1.0, -0.5], &[1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]] {
        assert!(decoded(&stereo(gains)).warnings.is_empty(), "{gains:?}");
    }
}

#[test]
fn a_second_data_chunk_is_a_warning() {
    let samples = tone16(2000, &[1.0]);
    let data = || chunk(b"data", samples.len(), &samples);
    let found = warning(&riff(&[format(PCM, 1, 16), data(), chunk(b"LIST", 4, b"INFO"), data()]));
    assert!(found.contains("second data chunk with 4000 bytes"), "{found}");
}

#[test]
fn a_data_chunk_that_claims_less_than_there_is_is_a_warning() {
    let samples = tone16(2000, &[1.0]);
    let short = riff(&[format(PCM, 1, 16), chunk(b"data", 400, &samples)]);
    let found = warning(&short);
    assert!(found.contains("claims 400 bytes, and 3600 more") && found.contains("-ignore_length"), "{found}");
    assert_eq!(decoded(&short).audio.samples.len(), 200, "the claim is believed");
    // Other chunks, and what fills a file up, are no samples.
    let list = chunk(b"LIST", 5, b"INFO!\0");
    for behind in [vec![list.clone(), list.clone()], vec![vec![0; 500]], vec![list.clone(), vec![0; 3]]] {
        let whole = [vec![format(PCM, 1, 16), chunk(b"data", samples.len(), &samples)], behind].concat();
        assert!(decoded(&riff(&whole)).warnings.is_empty());
    }
    let cut =
        riff(&[format(PCM, 1, 16), chunk(b"data", 400, &samples[..400]), list.clone(), chunk(b"id3 ", 90, b"ID3")]);
    assert!(warning(&cut).contains("11 more"), "a chunk that is cut is none");
}

#[test]
fn a_file_whose_recorder_never_wrote_its_length_is_read() {
    let samples = tone16(2000, &[1.0, 0.5]);
    let whole = decoded(&wav(&format(PCM, 2, 16), &samples));
    let unfinished = riff(&[format(PCM, 2, 16), chunk(b"data", 0, &samples)]);
    assert!(decoded(&unfinished).audio == whole.audio);
    assert!(warning(&unfinished).contains("the header gives no length"));
    let streamed = riff(&[format(PCM, 2, 16), chunk(b"data", u32::MAX as usize, &samples)]);
    assert!(decoded(&streamed) == whole);
    // No sound at all is still an error.
    let list = chunk(b"LIST", 4, b"INFO");
    for behind in [vec![], vec![list.clone()], vec![list, vec![0; 100]]] {
        let empty = [vec![format(PCM, 2, 16), chunk(b"data", 0, b"")], behind].concat();
        assert_eq!(decode_bytes(&riff(&empty), 1 << 20).unwrap_err(), "no samples");
    }
}

#[test]
fn a_chunk_of_odd_length_needs_no_padding() {
    let samples = tone16(2000, &[1.0]);
    let whole = decoded(&wav(&format(PCM, 1, 16), &samples));
    let data = chunk(b"data", samples.len(), &samples);
    let odd = |body: &[u8]| chunk(b"bext", 7, body);
    for body in [b"letters" as &[u8], b"zeros\0\0\0", b"letter\0x"] {
        let before =
            riff(&[odd(body), format(PCM, 1, 16), odd(body), chunk(b"cue ", 4, b"four"), odd(body), data.clone()]);
        assert!(decoded(&before) == whole, "{body:?}");
        let behind = riff(&[format(PCM, 1, 16), data.clone(), odd(body), odd(body)]);
        assert!(decoded(&behind) == whole, "{body:?}");
    }
}

#[test]
fn ambisonic_samples_are_read() {
    let samples = tone16(1000, &[1.0, 0.5, 0.25, 0.25]);
    let plain = wav(&format(PCM, 4, 16), &samples);
    let mut body = format(0xfffe, 4, 16)[8..].to_vec();
    body.extend([22, 0, 16, 0, 0, 0, 0, 0]);
    body.extend([1, 0, 0, 0, 0x21, 0x07, 0xd3, 0x11, 0x86, 0x44, 0xc8, 0xc1, 0xca, 0, 0, 0]);
    assert!(decoded(&wav(&chunk(b"fmt ", 40, &body), &samples)) == decoded(&plain));
}

#[test]
fn other_formats_are_named_with_what_to_do() {
    let id3 = b"ID3\x03\0\0\0\0\0\x02..";
    for (bytes, name, next) in [
        (b"RIFX\0\0\0\x20WAVEfmt " as &[u8], "RIFX", "ffmpeg"),
        (b".snd\0\0\0\x18", "AU", "ffmpeg"),
        (b"wvpk\0\0\0\0", "WavPack", "ffmpeg"),
        (b"\x1a\x45\xdf\xa3\x01", "Matroska", "ffmpeg"),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "Windows Media", "ffmpeg"),
        // AAC of the main profile, which no decoder here knows.
        (b"\xff\xf1\x10\x40\x01\x1f\xfc\0", "AAC", "ffmpeg"),
        (b"FORM\0\0\0\x2eAIFCCOMM\0\0\0\x16\0\x01\0\0\0\x01\0\x10\x40\x0c\xfa\0\0\0\0\0\0\0ulawSSND\0\0\0\x0a\0\0\0\0\0\0\0\0..", "ulaw", "ffmpeg"),
        (b"\xef\xbb\xbf \n<!DOCTYPE HTML><title>404</title>", "HTML", "fetch the file again"),
        (b"<html lang=en>", "HTML", "fetch the file again"),
        (b"<?xml version=\"1.0\"?><Error>", "XML", "fetch the file again"),
        (b"{\"error\": 404}", "JSON", "fetch the file again"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "Git LFS pointer", "git lfs pull"),
        (b"PK\x03\x04\x14\0", "ZIP", "unpack"),
        (b"", "empty", "again"),
        (b"\xff\xfeh\0e\0l\0l\0o\0", "not audio", "none of the formats"),
        (b"RIFF\x04\0\0\0ACON", "not audio", "not a WAVE file"),
    ] {
        let reason = decode_bytes(bytes, 1 << 20).unwrap_err();
        assert!(reason.contains(name) && reason.contains(next), "{name}: {reason}");
    }
    // What is only the beginning of a sound is refused for what is missing.
    for (bytes, why) in [
        (b"RF64\xff\xff\xff\xffWAVEds64" as &[u8], "no fmt chunk"),
        (b"BW64\xff\xff\xff\xffWAVEds64", "no fmt chunk"),
        (b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0", "no fmt chunk"),
        (b"FORM\0\0\0\x20AIFFCOMM", "no COMM chunk"),
        (b"caff\0\x01\0\0desc", "no desc chunk"),
        (b"\xff\xfb\x90\x64\0\0\0\0", "no frame of an MP3"),
        (&[&id3[..], b"\xff\xfb\x90\x64\0\0\0\0"].concat(), "no frame of an MP3"),
        (&[&id3[..], &[0; 50]].concat(), "no frame of an MP3"),
        (b"\xff\xf1\x50\x80\0\x1f\xfc", "no frame of an MP3 or AAC"),
        (b"\0\0\0\x20ftypM4A \0\0\0\0", "cut short or never finished"),
    ] {
        let reason = decode_bytes(bytes, 1 << 20).unwrap_err();
        assert!(reason.contains(why), "{why}: {reason}");
    }
}
