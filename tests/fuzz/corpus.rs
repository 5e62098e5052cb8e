//! The corpus of inputs, `corpus/KIND/NAME`: those that `seeds` makes, and those on which the program once failed.

use std::path::{Path, PathBuf};

use super::{bodies, seeds};
use crate::support::audio_formats;

/// Largest size of an input. Short inputs are quick, and damage is more likely to hit something that matters.
const MOST_BYTES: usize = 8 << 10;

/// Returns the folder of the inputs of `kind`.
fn folder(kind: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(kind)
}

/// Reads the inputs of `kind` in the order of their names. For audio, the beginnings of the files in
/// `tests/audio-formats` are added.
pub fn read(kind: &str) -> Vec<Vec<u8>> {
    let formats = (kind == "audio").then(audio_formats::folder);
    let folders = [Some(folder(kind)), formats];
    let entries = folders.iter().flatten().flat_map(|folder| folder.read_dir().unwrap());
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let beginning = |path: &PathBuf| {
        let mut bytes = std::fs::read(path).unwrap();
        bytes.truncate(MOST_BYTES);
        bytes
    };
    paths.iter().map(beginning).collect()
}

/// If a format changes, old inputs are refused at once and no longer test anything.
#[test]
fn the_corpus_has_what_the_seeds_make_and_the_program_accepts_it() {
    let write = std::env::var_os("WEAKLABEL_CORPUS").is_some_and(|wanted| wanted == "write");
    let mut faults = Vec::new();
    for (kind, name, bytes) in seeds::all() {
        let path = folder(kind).join(name);
        if write {
            std::fs::create_dir_all(folder(kind)).unwrap();
            std::fs::write(&path, &bytes).unwrap();
        }
        if std::fs::read(&path).unwrap_or_default() != bytes {
            faults.push(format!("{kind}/{name} is another: write it with WEAKLABEL_CORPUS=write"));
        }
        let (_, body) = bodies::KINDS.into_iter().find(|(name, _)| *name == kind).unwrap();
        if bytes.len() > MOST_BYTES || !bodies::check(body, &bytes) {
            faults.push(format!("{kind}/{name} with {} bytes is refused, or too long", bytes.len()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
