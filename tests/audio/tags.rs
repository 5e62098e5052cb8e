//! Tags around a file change nothing.

use std::fs;

use weaklabel::data::audio::decode_bytes;

use crate::support::audio_formats::folder;

/// An ID3v2 header or footer for a tag with this many bytes between its ends.
fn id3v2(mark: &[u8; 3], flags: u8, size: usize) -> Vec<u8> {
    let seven = |shift: usize| (size >> shift & 0x7f) as u8;
    [mark, &[4, 0, flags, seven(21), seven(14), seven(7), seven(0)][..]].concat()
}

/// An APE header or footer; its size counts the items and the footer.
fn ape(flags: u32, n_items: usize) -> Vec<u8> {
    let size = n_items as u32 + 32;
    [b"APETAGEX", &2000u32.to_le_bytes()[..], &size.to_le_bytes(), &[1, 0, 0, 0], &flags.to_le_bytes(), &[0; 8]]
        .concat()
}

fn fronts() -> Vec<Vec<u8>> {
    let tag = [id3v2(b"ID3", 0, 300), vec![b'x'; 300]].concat();
    let with_footer = [id3v2(b"ID3", 0x10, 5), vec![0xff; 5], id3v2(b"3DI", 0x10, 5)].concat();
    vec![tag.clone(), with_footer.clone(), [tag, with_footer].concat()]
}

fn backs() -> Vec<Vec<u8>> {
    const HAS_HEADER: u32 = 1 << 31;
    let id3v1 = [b"TAG", &[b' '; 125][..]].concat();
    let footer_only = [vec![b'i'; 50], ape(0, 50)].concat();
    let both_ends = [ape(HAS_HEADER | 1 << 29, 50), vec![b'i'; 50], ape(HAS_HEADER, 50)].concat();
    let appended = [id3v2(b"ID3", 0x10, 77), vec![b'y'; 77], id3v2(b"3DI", 0x10, 77)].concat();
    let many = [both_ends.clone(), id3v1.clone()].concat();
    vec![id3v1, footer_only, both_ends, appended, many]
}

#[test]
fn tags_in_front_and_behind_are_skipped() {
    for file in [
        "flac16_mono_44k1.flac",
        "pcm16_stereo_48k.wav",
        "vorbis_mono_44k1.ogg",
        "claims_4gib.wav",
        "mp3_lame_stereo_44k1.mp3",
        "mp3_no_tag_mono_44k1.mp3",
        "aac_adts_mono_16k.aac",
        "w64_stereo_16k.w64",
        "caf16_stereo_16k.caf",
    ] {
        let bytes = fs::read(folder().join(file)).unwrap();
        let plain = decode_bytes(&bytes, 1 << 20).unwrap();
        assert!(plain.warnings.is_empty(), "{file}: {:?}", plain.warnings);
        let tagged = |front: &[u8], back: &[u8]| decode_bytes(&[front, &bytes, back].concat(), 1 << 20).unwrap();
        for front in fronts() {
            assert!(tagged(&front, b"") == plain, "{file} behind {} bytes", front.len());
        }
        for back in backs() {
            assert!(tagged(b"", &back) == plain, "{file} before {} bytes", back.len());
            assert!(tagged(&fronts()[0], &back) == plain, "{file} between tags");
        }
    }
}

#[test]
fn a_tag_without_its_sound_is_named() {
    let cut = [id3v2(b"ID3", 0, 4000), vec![0; 100]].concat();
    assert!(decode_bytes(&cut, 1 << 20).unwrap_err().contains("inside the ID3 tag"));
    // A claim of more bytes than there are is no tag.
    let wav = fs::read(folder().join("pcm16_stereo_48k.wav")).unwrap();
    let wrong = [wav.clone(), ape(0, 1 << 30)].concat();
    let decoded = decode_bytes(&wrong, 1 << 20).unwrap();
    assert!(decoded.audio == decode_bytes(&wav, 1 << 20).unwrap().audio);
    assert!(decoded.warnings[0].contains("32 more in the file belong to no chunk"), "{:?}", decoded.warnings);
}
