//! The available sounds: a folder of recordings by class, or the built-in soundbank (SPEC §6).
//!
//! In: `ROOT/{train,validation,eval}/soundbank/{foreground/CLASS,background/GROUP}/*.{wav,flac,ogg}`. Out: a
//! [`Soundbank`], which lists the sounds that each subset may draw from.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::source::{Origin, Source};
use super::unused;
use super::{Subset, builtin};
use crate::base::counter_rng::Key;
use crate::config::{DataConfig, SceneConfig};
use crate::data::clips::{EXTENSIONS, LeftOut, Listing, absolute, audio_files, entries, hold_back};
use crate::{Error, Result};

const LAYOUT: &str = "ROOT/{train,validation,eval}/soundbank/{foreground/CLASS,background/GROUP}/*.{wav,flac,ogg}";

/// The sounds that a subset draws from, as positions in [`Soundbank::sources`].
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Pool {
    /// Events of each class, sorted by name.
    pub events: Vec<Vec<usize>>,
    /// Backgrounds, sorted by name.
    pub backgrounds: Vec<usize>,
}

/// The sounds that clips are mixed from.
#[derive(Debug, Clone)]
pub struct Soundbank {
    root: Option<PathBuf>,
    classes: Vec<String>,
    sources: Vec<Source>,
    /// Training pool as found on disk. `validation` is `None` if there is no validation folder.
    train: Pool,
    validation: Option<Pool>,
    eval: Pool,
    holdout: f64,
    /// Log messages about files and folders that exist but are not used.
    left_out: Vec<LeftOut>,
}

impl Soundbank {
    /// Opens the soundbank that `config` names, or the built-in one.
    ///
    /// # Errors
    /// The errors of [`scan`](Self::scan).
    pub fn of(config: &DataConfig, scene: &SceneConfig) -> Result<Self> {
        config.soundbank.as_ref().map_or_else(|| Ok(Self::builtin()), |root| Self::scan(root, scene))
    }

    /// Lists the soundbank in the folder `root`; no sound is read yet. Classes are the folder names, sorted, with
    /// `_nOn`, `_nOff` and `_nOn_nOff` folded into their class (SPEC §6). Files are sorted by name, so that the order
    /// in which the system lists a folder does not matter. Hidden files are ignored; [`left_out`](Self::left_out)
    /// reports other files that are not used.
    ///
    /// # Errors
    /// [`Error::Data`] naming a folder if `root` does not exist or has another layout, a class has no file in a subset,
    /// a background group has no file, the subsets differ in their classes, or, without a validation folder, a class
    /// has a single training file and so none to hold back. [`Error::Io`] if a folder cannot be listed.
    /// [`Error::Config`] if `scene.holdout` is not between 0 and 1.
    pub fn scan(root: &Path, scene: &SceneConfig) -> Result<Self> {
        if !(scene.holdout > 0.0 && scene.holdout < 1.0) {
            return Err(Error::config("scene.holdout", format!("{} is not between 0 and 1", scene.holdout)));
        }
        if !root.join("train/soundbank").is_dir() {
            return Err(not_a_soundbank(root));
        }
        let mut scan = Scan { root, sources: Vec::new() };
        let (classes, train) = scan.subset(Subset::Train)?;
        let (eval_classes, eval) = scan.subset(Subset::Eval)?;
        same_classes(root, &classes, Subset::Eval, &eval_classes)?;
        // DESED keeps finished recordings in `validation`. Without a soundbank inside, that folder does not belong to
        // the soundbank.
        let validation = if folder(root, Subset::Validation).is_dir() {
            let (validation_classes, pool) = scan.subset(Subset::Validation)?;
            same_classes(root, &classes, Subset::Validation, &validation_classes)?;
            Some(pool)
        } else {
            if let Some(class) = train.events.iter().position(|files| files.len() < 2) {
                let path = folder(root, Subset::Train).join("foreground").join(&classes[class]);
                let reason = "a class needs at least two training files, one to hold back for validation; add one, \
                              or a validation folder";
                return Err(Error::data(path, reason));
            }
            None
        };
        let (given, root, sources) = (root, Some(absolute(root)?), scan.sources);
        let left_out = unused::of_soundbank(given);
        Ok(Self { root, classes, sources, train, validation, eval, holdout: scene.holdout, left_out })
    }

    /// Makes the soundbank that needs no files ([`builtin`]).
    pub fn builtin() -> Self {
        let classes = builtin::classes();
        let mut sources = Vec::new();
        let mut push = |name: String, origin| {
            sources.push(Source { name, origin, no_onset: false, no_offset: false });
            sources.len() - 1
        };
        let mut pool = |subset: Subset| {
            let folder = format!("{}/soundbank", subset.name());
            let mut events = |class: usize| {
                let event = |index| {
                    let name = format!("{folder}/foreground/{}/{index:03}.wav", classes[class]);
                    push(name, Origin::Event { subset, class, index })
                };
                (0..builtin::n_events(subset, class)).map(event).collect()
            };
            let events = (0..classes.len()).map(&mut events).collect();
            let backgrounds = builtin::backgrounds(subset).into_iter().enumerate().map(|(index, name)| {
                push(format!("{folder}/background/{name}.wav"), Origin::Background { subset, index })
            });
            Pool { events, backgrounds: backgrounds.collect() }
        };
        let (train, validation, eval) = (pool(Subset::Train), Some(pool(Subset::Validation)), pool(Subset::Eval));
        let (root, holdout, left_out) = (None, 0.0, Vec::new());
        Self { root, classes, sources, train, validation, eval, holdout, left_out }
    }

    /// Returns the names of the classes, sorted.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Returns all sounds.
    pub(super) fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// Returns the absolute path of the folder; `None` for the built-in soundbank.
    pub fn root(&self) -> Option<&Path> {
        self.root.as_deref()
    }

    /// Lists the files of the soundbank, or the version of the built-in one.
    pub(super) fn listing(&self) -> Listing {
        let Some(root) = &self.root else {
            let version = ("the built-in soundbank".to_owned(), builtin::version().to_string());
            return Listing { notes: vec![version], ..Listing::default() };
        };
        let file = |source: &Source| match &source.origin {
            Origin::File(path) => Some((source.name.clone(), path.clone())),
            Origin::Event { .. } | Origin::Background { .. } => None,
        };
        Listing { root: root.clone(), files: self.sources.iter().filter_map(file).collect(), notes: Vec::new() }
    }

    /// Returns a fingerprint of the names and contents of all files, independent of the folder's path. Files without a
    /// cached hash are read.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file that cannot be read.
    pub fn fingerprint(&self) -> Result<String> {
        Ok(self.listing().contents()?.fingerprint())
    }

    /// Returns log messages about files and folders that exist but are not used, one for each kind.
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// Returns the sounds that each subset draws from, in the order of [`Subset::all`]. Without a validation folder,
    /// the fraction `scene.holdout` of every class's training files, at least one file, is held back. `seed` determines
    /// which. Training and validation then share their backgrounds.
    pub(super) fn pools(&self, seed: u64) -> [Pool; 3] {
        let (mut train, eval) = (self.train.clone(), self.eval.clone());
        let validation = self.validation.clone().unwrap_or_else(|| {
            let key = Key::new(seed).named("holdout");
            let take =
                |(class, files): (usize, &mut Vec<usize>)| hold_back(files, self.holdout, key.child(class as u64));
            let events = train.events.iter_mut().enumerate().map(take).collect();
            Pool { events, backgrounds: train.backgrounds.clone() }
        });
        [train, validation, eval]
    }
}

/// The state of one [`Soundbank::scan`].
struct Scan<'a> {
    root: &'a Path,
    sources: Vec<Source>,
}

impl Scan<'_> {
    fn subset(&mut self, subset: Subset) -> Result<(Vec<String>, Pool)> {
        let folder = folder(self.root, subset);
        let mut events: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (name, path) in folders(&folder.join("foreground"))? {
            let (class, no_onset, no_offset) = unfold(&name);
            let files = self.files(&path, no_onset, no_offset)?;
            events.entry(class.to_owned()).or_default().extend(files);
        }
        if let Some((class, _)) = events.iter().find(|(_, files)| files.is_empty()) {
            return Err(no_files(&folder.join("foreground").join(class)));
        }
        let mut backgrounds = Vec::new();
        for (_, path) in folders(&folder.join("background"))? {
            let files = self.files(&path, false, false)?;
            if files.is_empty() {
                return Err(no_files(&path));
            }
            backgrounds.extend(files);
        }
        let (classes, events) = events.into_iter().unzip();
        Ok((classes, Pool { events, backgrounds }))
    }

    /// Adds the audio files in `folder`.
    fn files(&mut self, folder: &Path, no_onset: bool, no_offset: bool) -> Result<Vec<usize>> {
        let files = audio_files(folder)?.into_iter().map(|(_, path)| {
            let below = path.strip_prefix(self.root).unwrap_or(&path);
            let name = below.components().map(|c| c.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/");
            self.sources.push(Source { name, origin: Origin::File(path), no_onset, no_offset });
            self.sources.len() - 1
        });
        Ok(files.collect())
    }
}

fn folder(root: &Path, subset: Subset) -> PathBuf {
    root.join(subset.name()).join("soundbank")
}

/// Returns `name` without `suffix`, and whether `name` had the suffix.
fn strip<'a>(name: &'a str, suffix: &str) -> (&'a str, bool) {
    let rest = name.strip_suffix(suffix).filter(|rest| !rest.is_empty());
    (rest.unwrap_or(name), rest.is_some())
}

/// Returns the class of a class folder, and whether its recordings lack the event's onset and offset.
pub(super) fn unfold(folder: &str) -> (&str, bool, bool) {
    let (rest, no_offset) = strip(folder, "_nOff");
    let (class, no_onset) = strip(rest, "_nOn");
    (class, no_onset, no_offset)
}

fn folders(parent: &Path) -> Result<Vec<(String, PathBuf)>> {
    if !parent.is_dir() {
        return Err(Error::data(parent, format!("no such folder; a soundbank is {LAYOUT}")));
    }
    let folders: Vec<_> = entries(parent)?.into_iter().filter(|(_, path)| path.is_dir()).collect();
    match folders.is_empty() {
        true => Err(Error::data(parent, format!("there are no folders in it; a soundbank is {LAYOUT}"))),
        false => Ok(folders),
    }
}

fn no_files(folder: &Path) -> Error {
    Error::data(folder, format!("there is no sound in it: no file ends in .{}", EXTENSIONS.join(", .")))
}

fn same_classes(root: &Path, train: &[String], subset: Subset, other: &[String]) -> Result<()> {
    let lacking = |class: &String, here: Subset, there: Subset| {
        let path = folder(root, here).join("foreground");
        Err(Error::data(path, format!("there is no class {class}, which {} has", there.name())))
    };
    if let Some(class) = train.iter().find(|class| !other.contains(class)) {
        return lacking(class, subset, Subset::Train);
    }
    other.iter().find(|class| !train.contains(class)).map_or(Ok(()), |class| lacking(class, Subset::Train, subset))
}

/// Makes the error about `root`, with a hint if a folder nearby was probably meant.
fn not_a_soundbank(root: &Path) -> Error {
    if !root.is_dir() {
        return Error::data(root, format!("no such folder; a soundbank is {LAYOUT}"));
    }
    let start = absolute(root).unwrap_or_else(|_| root.into());
    let above = start.ancestors().skip(1).take(4).map(Path::to_path_buf);
    let below = entries(root).unwrap_or_default().into_iter().map(|(_, path)| path);
    let mut reason = format!("there is no train/soundbank in it; a soundbank is {LAYOUT}");
    if let Some(meant) = above.chain(below).find(|folder| folder.join("train/soundbank").is_dir()) {
        let _ = write!(reason, "; did you mean {}?", meant.display());
    }
    Error::data(root, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_names_unfold_into_class_and_flags() {
        assert_eq!(unfold("Dog"), ("Dog", false, false));
        assert_eq!(unfold("Dog_nOn"), ("Dog", true, false));
        assert_eq!(unfold("Dog_nOff"), ("Dog", false, true));
        assert_eq!(unfold("Running_water_nOn_nOff"), ("Running_water", true, true));
        assert_eq!(unfold("_nOn"), ("_nOn", false, false));
    }

    #[test]
    fn the_built_in_soundbank_has_disjoint_pools_of_every_class() {
        let bank = Soundbank::builtin();
        let pools = bank.pools(1);
        let used: Vec<usize> =
            pools.iter().flat_map(|pool| pool.events.concat().into_iter().chain(pool.backgrounds.clone())).collect();
        assert_eq!(used, (0..bank.sources().len()).collect::<Vec<_>>(), "each sound is in exactly one pool");
        for pool in &pools {
            assert_eq!(pool.events.len(), bank.classes().len());
            assert!(pool.events.iter().all(|files| !files.is_empty()) && !pool.backgrounds.is_empty());
        }
        assert_eq!(pools, bank.pools(2), "nothing is held back when there is a validation pool");
    }
}
