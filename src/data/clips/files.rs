//! The audio files of a folder, and which of them a table means.
//!
//! In: a folder, and names as tables have them: of a file alone or with folders, absolute, from another system, with or
//! without extension. Out: paths.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use unicode_normalization::{UnicodeNormalization, is_nfc};

use super::Subset;
use super::splits::subset_of;
use crate::{Error, Result};

/// File name extensions of the sounds that can be read.
pub(in crate::data) const EXTENSIONS: [&str; 16] = [
    "wav", "flac", "ogg", "mp3", "m4a", "aac", "aif", "aiff", "aifc", "bwf", "caf", "mp2", "mp4", "oga", "rf64", "w64",
];

/// File name extensions of sounds in formats that cannot be read.
pub(in crate::data) const OTHER_SOUNDS: [&str; 9] = ["3gp", "amr", "ape", "au", "mka", "opus", "snd", "wma", "wv"];

/// Most levels of folders that are searched for sounds.
const MOST_DEPTH: usize = 16;

/// Returns names and paths of the entries of `folder` that are not hidden, sorted by name.
pub(in crate::data) fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>> {
    let failed = |source| Error::io("list", folder, source);
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if !name.starts_with('.') {
            entries.push((name, path));
        }
    }
    entries.sort_unstable();
    Ok(entries)
}

/// Returns names and paths of the audio files directly in `folder`, sorted by name.
pub(in crate::data) fn audio_files(folder: &Path) -> Result<Vec<(String, PathBuf)>> {
    let mut files = Vec::new();
    for (name, path) in entries(folder)? {
        if has_ending(&path, &EXTENSIONS) {
            let found = fs::metadata(&path).map_err(|source| Error::io("read", &path, source))?;
            if found.is_file() {
                files.push((name, path));
            }
        }
    }
    Ok(files)
}

/// Returns the path of an existing file or folder from the root, without links.
pub(in crate::data) fn absolute(path: &Path) -> Result<PathBuf> {
    path.canonicalize().map_err(|source| Error::io("read", path, source))
}

/// Returns whether the name of a file has one of the `extensions`, in small or capital letters.
pub(super) fn has_ending(path: &Path, extensions: &[&str]) -> bool {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("").to_ascii_lowercase();
    extensions.contains(&extension.as_str())
}

/// Returns the composed form (NFC) of a name. Systems differ in the form in which they store an é.
pub(super) fn composed(name: &str) -> String {
    if is_nfc(name) { name.to_owned() } else { name.nfc().collect() }
}

/// Meaning of a table's name of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The file at this path.
    File(PathBuf),
    /// A file that exists, but whose extension is of no format that is read.
    OtherFormat(PathBuf),
    /// Any of several files, whose paths in the folder these are.
    Several(Vec<String>),
    /// No file.
    Absent,
}

/// Facts that are known of a clip besides its name.
#[derive(Debug, Clone, Copy)]
pub struct Hints<'a> {
    /// The folder of the table.
    pub beside: &'a Path,
    /// The subset of the clip.
    pub subset: Option<Subset>,
    /// The clip's fold.
    pub fold: Option<&'a str>,
}

/// A sound in the folder.
#[derive(Debug)]
struct Sound {
    path: PathBuf,
    /// Path in the folder, composed, with forward slashes.
    inside: String,
}

/// The sounds in and below a folder.
#[derive(Debug)]
pub struct FileIndex {
    root: PathBuf,
    sounds: Vec<Sound>,
    /// Positions of the sounds by their path in the folder, by name, and by name without extension.
    inside: HashMap<String, usize>,
    by_name: HashMap<String, Vec<usize>>,
    by_stem: HashMap<String, Vec<usize>>,
    /// Sounds that some table means.
    used: RefCell<HashSet<PathBuf>>,
}

impl FileIndex {
    /// Lists the sounds in and below `root`. Hidden folders are passed over; links are followed once.
    ///
    /// # Errors
    /// [`Error::Io`] naming a folder that cannot be listed.
    pub fn below(root: &Path) -> Result<Self> {
        let mut paths = Vec::new();
        walk(root, MOST_DEPTH, &mut HashSet::new(), &mut paths)?;
        let mut files = Self {
            root: root.into(),
            sounds: Vec::with_capacity(paths.len()),
            inside: HashMap::new(),
            by_name: HashMap::new(),
            by_stem: HashMap::new(),
            used: RefCell::default(),
        };
        for (at, path) in paths.into_iter().enumerate() {
            let inside = composed(&inside(root, &path));
            let name = inside.rsplit('/').next().unwrap_or(&inside);
            files.by_name.entry(key(name)).or_default().push(at);
            files.by_stem.entry(stem(name).to_owned()).or_default().push(at);
            files.inside.insert(inside.clone(), at);
            files.sounds.push(Sound { path, inside });
        }
        Ok(files)
    }

    /// Finds the file that a table calls `name`: in the folder of its subset, beside the table, in the whole folder, or
    /// anywhere below it; outside of the folder only if `name` leads there.
    pub fn find(&self, name: &str, hints: Hints) -> Found {
        let found = self.look_up(name, hints);
        self.note(found)
    }

    /// Finds the file that has one of the names `stems` with any extension.
    pub fn find_stem(&self, stems: &[String], hints: Hints) -> Found {
        let none = Vec::new();
        let all = stems.iter().find_map(|stem| self.by_stem.get(&composed(stem))).unwrap_or(&none);
        let found = self.narrowed(all.clone(), hints);
        self.note(found)
    }

    fn note(&self, found: Found) -> Found {
        if let Found::File(path) = &found {
            self.used.borrow_mut().insert(path.clone());
        }
        found
    }

    fn look_up(&self, name: &str, hints: Hints) -> Found {
        let given = Path::new(name);
        if given.is_absolute() && given.is_file() {
            return of_path(given.into());
        }
        let slashed = composed(&name.replace('\\', "/"));
        let wanted = slashed.trim_start_matches("./").trim_start_matches('/');
        let beside = composed(&inside(&self.root, hints.beside));
        let places = [hints.subset.map(Subset::name).unwrap_or_default(), beside.as_str(), ""];
        for place in places {
            let path = if place.is_empty() { wanted.to_owned() } else { format!("{place}/{wanted}") };
            if let Some(&at) = self.inside.get(&path) {
                return Found::File(self.sounds[at].path.clone());
            }
        }
        // A path may lead out of the folder, or to a file whose extension says that it cannot be read.
        let subset_folder = self.root.join(hints.subset.map(Subset::name).unwrap_or_default());
        let mut leads_to =
            [&subset_folder, hints.beside, &self.root].into_iter().map(|base| straight(&base.join(name)));
        if let Some(path) = leads_to.find(|path| path.is_file()) {
            return of_path(path);
        }
        let last = wanted.rsplit('/').next().unwrap_or(wanted);
        let by_name = self.by_name.get(&key(last)).or_else(|| self.by_stem.get(last));
        let mut all = by_name.cloned().unwrap_or_default();
        // Only the name of a path on another machine is known here.
        let foreign = given.is_absolute() || name.contains(":\\");
        if !foreign {
            let folder = &wanted[..wanted.len() - last.len()];
            all.retain(|&at| {
                let inside = &self.sounds[at].inside;
                let name_at = inside.rfind('/').map_or(0, |slash| slash + 1);
                format!("/{}", &inside[..name_at]).ends_with(&format!("/{folder}"))
            });
        }
        self.narrowed(all, hints)
    }

    /// Chooses among the sounds `all` by what is known of the clip.
    fn narrowed(&self, mut all: Vec<usize>, hints: Hints) -> Found {
        let mut prefer = |fits: &dyn Fn(&Sound) -> bool| {
            if all.len() > 1 && all.iter().any(|&at| fits(&self.sounds[at])) {
                all.retain(|&at| fits(&self.sounds[at]));
            }
        };
        let folders = |sound: &Sound| sound.inside.split('/').map(str::to_lowercase).collect::<Vec<_>>();
        if let Some(fold) = hints.fold {
            let names = [format!("fold{fold}"), format!("fold_{fold}"), format!("fold-{fold}")];
            prefer(&|sound| folders(sound).iter().any(|folder| names.contains(folder)));
        }
        if let Some(subset) = hints.subset {
            prefer(&|sound| folders(sound).iter().any(|folder| subset_of(folder) == Some(subset)));
        }
        match all[..] {
            [] => Found::Absent,
            [only] => Found::File(self.sounds[only].path.clone()),
            _ => Found::Several(all.iter().map(|&at| self.sounds[at].inside.clone()).collect()),
        }
    }

    /// Returns the paths of all sounds below `folder`, sorted.
    pub fn within<'a>(&'a self, folder: &'a Path) -> impl Iterator<Item = &'a Path> {
        self.sounds.iter().map(|sound| sound.path.as_path()).filter(move |path| path.starts_with(folder))
    }

    /// Returns the paths of the sounds that no table means, sorted.
    pub fn unused(&self) -> Vec<PathBuf> {
        let used = self.used.borrow();
        self.sounds.iter().map(|sound| sound.path.clone()).filter(|path| !used.contains(path)).collect()
    }
}

/// Returns `path` without `..`, as far as a folder stands before it.
fn straight(path: &Path) -> PathBuf {
    let mut straight = PathBuf::new();
    for part in path.components() {
        let back =
            part == Component::ParentDir && matches!(straight.components().next_back(), Some(Component::Normal(_)));
        if back {
            straight.pop();
        } else {
            straight.push(part);
        }
    }
    straight
}

fn of_path(path: PathBuf) -> Found {
    match has_ending(&path, &EXTENSIONS) {
        true => Found::File(path),
        false => Found::OtherFormat(path),
    }
}

/// Returns the path of `path` in `root` with forward slashes; the whole path if it lies elsewhere.
pub(super) fn inside(root: &Path, path: &Path) -> String {
    let below = path.strip_prefix(root).unwrap_or(path);
    let names = below.components().filter(|part| !matches!(part, Component::CurDir));
    names.map(|part| part.as_os_str().to_string_lossy().into_owned()).collect::<Vec<_>>().join("/")
}

/// Returns `name` with its extension in small letters.
fn key(name: &str) -> String {
    match name.rsplit_once('.') {
        Some((stem, extension)) => format!("{stem}.{}", extension.to_ascii_lowercase()),
        None => name.to_owned(),
    }
}

fn stem(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

fn walk(folder: &Path, depth: usize, seen: &mut HashSet<PathBuf>, found: &mut Vec<PathBuf>) -> Result<()> {
    for (_, path) in entries(folder)? {
        if path.is_dir() {
            // A link may lead back to a folder above it, which has nothing new, or to where another one leads.
            let is_new = |seen: &mut HashSet<PathBuf>| -> Result<bool> {
                let target = absolute(&path)?;
                Ok(!absolute(folder)?.starts_with(&target) && seen.insert(target))
            };
            if depth > 0 && (!path.is_symlink() || is_new(seen)?) {
                walk(&path, depth - 1, seen, found)?;
            }
        } else if has_ending(&path, &EXTENSIONS) {
            found.push(path);
        }
    }
    Ok(())
}

/// Adds the sounds in and below `folder` whose extension is of a format that is not read.
pub(super) fn foreign_below(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    for (_, path) in entries(folder).unwrap_or_default() {
        if path.is_dir() && !path.is_symlink() && depth > 0 {
            foreign_below(&path, depth - 1, found);
        } else if has_ending(&path, &OTHER_SOUNDS) && path.is_file() {
            found.push(path);
        }
    }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn names_are_found_wherever_the_file_lies() {
        let home = folder(&[
            "train/a.wav",
            "eval/a.wav",
            "audio/fold1/7.WAV",
            "audio/fold2/7.WAV",
            "deep/er/b.flac",
            "cafe\u{301}.ogg",
            "x.opus",
            "meta/t.csv",
        ]);
        let files = FileIndex::below(home.path()).unwrap();
        let beside = home.path().join("meta");
        let find = |name: &str, subset, fold| match files.find(name, Hints { beside: &beside, subset, fold }) {
            Found::File(path) => inside(home.path(), &path),
            other => format!("{other:?}"),
        };
        for (name, subset, fold, expected) in [
            ("a.wav", Some(Subset::Train), None, "train/a.wav"),
            ("a.wav", Some(Subset::Eval), None, "eval/a.wav"),
            ("eval/a.wav", Some(Subset::Train), None, "eval/a.wav"),
            ("7.wav", None, Some("2"), "audio/fold2/7.WAV"),
            ("fold1/7", None, None, "audio/fold1/7.WAV"),
            ("fold1\\7.wav", None, None, "audio/fold1/7.WAV"),
            ("b", None, None, "deep/er/b.flac"),
            ("er/b.flac", None, None, "deep/er/b.flac"),
            ("../deep/er/b.flac", None, None, "deep/er/b.flac"),
            ("/elsewhere/b.flac", None, None, "deep/er/b.flac"),
            ("caf\u{e9}.ogg", None, None, "cafe\u{301}.ogg"),
            ("c.wav", None, None, "Absent"),
            ("r/b.flac", None, None, "Absent"),
        ] {
            assert_eq!(find(name, subset, fold), expected, "{name}");
        }
        assert!(find("a.wav", None, None).starts_with("Several"), "two files of that name");
        assert!(find("x.opus", None, None).starts_with("OtherFormat"));
        assert_eq!(files.unused().len(), 0, "{:?}", files.unused());
    }
}
