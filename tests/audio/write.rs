//! Written clips read back as they were, to half a step, and appear whole or not at all.

use std::fs;

use weaklabel::Error;
use weaklabel::data::audio::{Audio, decode, write_wav16};

use crate::support::files::names;

const STEP: f32 = 1.0 / 32_768.0;

#[test]
fn a_clip_reads_back_to_half_a_step() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.wav");
    let samples: Vec<f32> = (0..10_001).map(|n| (n as f32 / 5_000.0 - 1.0) * 0.99996).collect();
    write_wav16(&path, &Audio { rate: 16_000, samples: samples.clone() }).unwrap();
    let decoded = decode(&path).unwrap();
    assert_eq!((decoded.audio.rate, decoded.channels, &decoded.warnings[..]), (16_000, 1, &[][..]));
    assert_eq!(decoded.audio.samples.len(), samples.len());
    for (read, written) in decoded.audio.samples.iter().zip(&samples) {
        assert!((read - written).abs() <= 0.5 * STEP, "{written} became {read}");
    }
    // What was read is on the grid, so a second time it is exact.
    write_wav16(&path, &decoded.audio).unwrap();
    assert_eq!(decode(&path).unwrap().audio, decoded.audio);
}

#[test]
fn full_scale_and_beyond_are_clamped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("loud.wav");
    write_wav16(&path, &Audio { rate: 44_100, samples: vec![1.0, -1.0, 7.5, -7.5, 0.0] }).unwrap();
    assert_eq!(decode(&path).unwrap().audio.samples, [1.0 - STEP, -1.0, 1.0 - STEP, -1.0, 0.0]);
}

#[test]
fn a_clip_that_cannot_be_written_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.wav");
    write_wav16(&path, &Audio { rate: 16_000, samples: vec![0.5; 10] }).unwrap();
    let before = fs::read(&path).unwrap();
    let error = write_wav16(&path, &Audio { rate: 16_000, samples: vec![0.1, f32::NAN] }).unwrap_err();
    assert!(matches!(error, Error::Audio { .. }) && error.to_string().contains("sample 1"), "{error}");
    assert_eq!((fs::read(&path).unwrap(), names(folder.path())), (before, vec!["clip.wav".to_owned()]));

    let nowhere = folder.path().join("missing/clip.wav");
    let error = write_wav16(&nowhere, &Audio { rate: 16_000, samples: vec![0.5; 10] }).unwrap_err();
    assert!(matches!(error, Error::Io { .. }) && error.to_string().contains("missing"), "{error}");

    // A folder of that name cannot be replaced by a file.
    let taken = folder.path().join("taken");
    fs::create_dir(&taken).unwrap();
    assert!(write_wav16(&taken, &Audio { rate: 16_000, samples: vec![0.5; 10] }).is_err());
    assert_eq!(names(folder.path()).len(), 2);
}

#[cfg(unix)]
#[test]
fn others_may_read_a_clip_as_any_new_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let (path, plain) = (folder.path().join("clip.wav"), folder.path().join("plain"));
    write_wav16(&path, &Audio { rate: 16_000, samples: vec![0.0] }).unwrap();
    fs::write(&plain, b"").unwrap();
    let mode = |path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(path), mode(plain));
}
