//! Clips in a folder for each class: `DIR/CLASS/*`, or `DIR/{train,validation,eval}/CLASS/*`.

use std::path::{Path, PathBuf};

use super::Subset;
use super::files::{FileIndex, entries, inside};
use super::splits::subsets_of;
use crate::{Error, Result};

/// A folder of clips of one class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassFolder {
    /// Name of the class, which is that of the folder.
    pub class: String,
    /// The subset, where the folders of classes lie in folders of subsets.
    pub subset: Option<Subset>,
    /// Paths of the clips in and below the folder, sorted.
    pub clips: Vec<PathBuf>,
}

/// Returns the folders of classes in `root`, whose sounds `files` lists.
///
/// # Errors
/// [`Error::Io`] if `root` cannot be listed; [`Error::Data`] naming what is there instead of at least two classes.
pub fn find(root: &Path, files: &FileIndex) -> Result<Vec<ClassFolder>> {
    if root.join("train/soundbank").is_dir() {
        return Err(Error::data(root, "is a soundbank, from which clips are mixed: name it with --soundbank"));
    }
    let folders: Vec<(String, PathBuf)> = entries(root)?.into_iter().filter(|(_, path)| path.is_dir()).collect();
    let subsets = subsets_of(folders.iter().map(|(name, _)| name.as_str()));
    let mut found = Vec::new();
    if subsets.contains(&Some(Subset::Train)) {
        for ((_, path), subset) in folders.iter().zip(subsets).filter(|(_, subset)| subset.is_some()) {
            let inner: Vec<_> = entries(path)?.into_iter().filter(|(_, path)| path.is_dir()).collect();
            found.extend(inner.into_iter().filter_map(|(name, path)| class_folder(name, &path, subset, files)));
        }
    } else {
        found.extend(folders.into_iter().filter_map(|(name, path)| class_folder(name, &path, None, files)));
    }
    let mut classes: Vec<&str> = found.iter().map(|folder| folder.class.as_str()).collect();
    classes.sort_unstable();
    classes.dedup();
    if classes.len() < 2 {
        return Err(Error::data(root, nothing_understood(root, &classes, files)));
    }
    Ok(found)
}

fn class_folder(class: String, path: &Path, subset: Option<Subset>, files: &FileIndex) -> Option<ClassFolder> {
    let clips: Vec<PathBuf> = files.within(path).map(Path::to_path_buf).collect();
    (!clips.is_empty()).then_some(ClassFolder { class, subset, clips })
}

fn nothing_understood(root: &Path, classes: &[&str], files: &FileIndex) -> String {
    let first = files.within(root).next();
    let there = match (first, classes) {
        (None, _) => "there is no sound and no table of clips in it".into(),
        (Some(_), [only]) => format!("there is no table of clips in it, and one folder of sounds only, {only}"),
        (Some(first), _) => format!("there is no table of clips in it to say what is heard in {}", inside(root, first)),
    };
    format!(
        "{there}: a dataset is a folder with a table of files and labels (train.tsv and eval.tsv, or one for all clips), or \
         with a folder for each class; --set data.table.file=NAME and data.table.labels=NAME name the columns of other tables"
    )
}
