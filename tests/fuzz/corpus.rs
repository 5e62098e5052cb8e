//! The inputs in the tree, `corpus/KIND/NAME`: those that `seeds` makes, and those on which the program once failed.

use std::path::{Path, PathBuf};

use super::{bodies, seeds};
use crate::support::audio_formats;

/// Short inputs are quick, and damage often meets what matters in them.
const MOST_BYTES: usize = 8 << 10;

/// The folder of the inputs of `kind`.
fn folder(kind: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(kind)
}

/// The inputs of `kind`, in the order of their names. Of sounds, the beginnings of those in `tests/audio-formats` too.
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

/// A format that changed would leave inputs behind that are refused at once and test nothing.
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
