//! Log messages about files and folders of a soundbank that exist but are not used.

use std::path::{Path, PathBuf};

use crate::data::clips::{EXTENSIONS, LeftOut, OTHER_SOUNDS, Subset, ending, line, listed};

/// Most levels of folders below a class or group that are searched.
const MOST_DEPTH: usize = 16;

/// Returns the messages about a soundbank at `root`: everything that [`Soundbank::scan`](super::Soundbank::scan)
/// ignores.
pub(super) fn of_soundbank(root: &Path) -> Vec<LeftOut> {
    let mut unread = Unread::default();
    let mut beside = Vec::new();
    for half in Subset::all().iter().flat_map(|subset| ["foreground", "background"].map(|half| half_of(*subset, half)))
    {
        for path in listed(&root.join(half)) {
            if path.is_dir() {
                unread.look_into(&path);
            } else if ending(&path, &EXTENSIONS) || ending(&path, &OTHER_SOUNDS) {
                beside.push(path);
            }
        }
    }
    let is_subset = |path: &PathBuf| Subset::all().iter().any(|subset| path.ends_with(subset.name()));
    let others: Vec<PathBuf> =
        listed(root).into_iter().filter(|path| !is_subset(path) && path.join("soundbank").is_dir()).collect();
    let mut said = unread.said(root);
    said.extend(line(root, &beside, "sound", "beside the folders of classes and groups, which are read"));
    said.extend(line(root, &others, "folder", "a soundbank has train, validation and eval only"));
    said
}

fn half_of(subset: Subset, half: &str) -> PathBuf {
    [subset.name(), "soundbank", half].iter().collect()
}

/// Unread files in folders whose sounds are read.
#[derive(Default)]
struct Unread {
    /// Sounds in formats that cannot be read.
    foreign: Vec<PathBuf>,
    /// Sounds in subfolders.
    below: Vec<PathBuf>,
    /// Files without the extension of a sound.
    no_sounds: Vec<PathBuf>,
}

impl Unread {
    /// Adds the files in `folder`.
    fn look_into(&mut self, folder: &Path) {
        for path in listed(folder) {
            if path.is_dir() {
                sounds_below(&path, MOST_DEPTH, &mut self.below);
            } else if ending(&path, &OTHER_SOUNDS) {
                self.foreign.push(path);
            } else if !ending(&path, &EXTENSIONS) {
                self.no_sounds.push(path);
            }
        }
    }

    fn said(&self, root: &Path) -> Vec<LeftOut> {
        let endings = EXTENSIONS.join(", .");
        let foreign = line(root, &self.foreign, "sound", "the format is not read, convert it, for example to .flac");
        let below = line(root, &self.below, "sound", "it lies in a folder below one that is read, move it up");
        let no_sounds = line(root, &self.no_sounds, "file", &format!("the name does not end in .{endings}"));
        let no_sounds = no_sounds.map(|line| LeftOut { harmless: true, ..line });
        foreign.into_iter().chain(below).chain(no_sounds).collect()
    }
}

/// Adds the sounds of any format in `folder` and up to `depth` levels below it.
fn sounds_below(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    for path in listed(folder) {
        // Links are not followed, because a link could form a cycle.
        if path.is_dir() && !path.is_symlink() && depth > 0 {
            sounds_below(&path, depth - 1, found);
        } else if ending(&path, &EXTENSIONS) || ending(&path, &OTHER_SOUNDS) {
            found.push(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        folder
    }

    /// Returns each message without the folder's name at its beginning, and whether it is harmless.
    fn said(folder: &tempfile::TempDir, of: fn(&Path) -> Vec<LeftOut>) -> Vec<(bool, String)> {
        let start = format!("{}: ", folder.path().display());
        let line = |line: LeftOut| (line.harmless, line.message.strip_prefix(&start).unwrap().to_owned());
        of(folder.path()).into_iter().map(line).collect()
    }

    #[test]
    fn every_kind_that_a_soundbank_leaves_out_is_said_once() {
        let cat = "train/soundbank/foreground/Cat";
        let files = ["0.wav", "m1.WMA", "m0.wma", "x.wv", "more/1.wav", "more/deep/2.flac", "more/notes.txt", "README"];
        let files = files.map(|file| format!("{cat}/{file}"));
        let others = [
            "train/soundbank/background/street.ogg",
            "eval/soundbank/background/room/a.opus",
            "eval/soundbank/background/room/.hidden.opus",
            "valid/soundbank/foreground/Cat/0.wav",
            "notes/a.mp3",
        ];
        let bank = folder(&files.iter().map(String::as_str).chain(others).collect::<Vec<_>>());
        let found = said(&bank, of_soundbank);
        let starts = [
            (false, format!("4 sounds left out, {cat}/m0.wma first: the format")),
            (false, format!("2 sounds left out, {cat}/more/1.wav first: it lies in")),
            (true, format!("1 file left out, {cat}/README: the name")),
            (false, "1 sound left out, train/soundbank/background/street.ogg: beside".into()),
            (false, "1 folder left out, valid: a soundbank".into()),
        ];
        assert_eq!(found.len(), starts.len(), "{found:?}");
        for ((harmless, line), (expected, start)) in found.iter().zip(&starts) {
            assert!(harmless == expected && line.starts_with(start), "{line:?} does not begin with {start:?}");
        }
    }
}
