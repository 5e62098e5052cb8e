//! Log messages about things that exist but are not used: files of a soundbank or dataset that are not read, clips that
//! are not drawn.
//!
//! Training succeeds even with fewer sounds than intended, so the user would not notice. Each kind of ignored thing is
//! therefore reported once, with the number of things and the first of them.

use std::path::{Path, PathBuf};

use super::files::{EXTENSIONS, FileIndex, entries, foreign_below, has_ending, inside};
use crate::base::printable::counted;

/// Most levels of folders that are searched for sounds in other formats.
const MOST_DEPTH: usize = 16;

/// A log message about one kind of ignored thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Whether nothing is lost by ignoring the thing, for example a text file beside sounds.
    pub harmless: bool,
    /// The message: folder, number, first example, and reason.
    pub message: String,
}

impl LeftOut {
    /// Makes a message about things that were probably meant to be used.
    pub fn warning(message: String) -> Self {
        Self { harmless: false, message }
    }

    /// Logs the message, as a warning unless the thing is harmless.
    pub fn log(&self) {
        match self.harmless {
            true => tracing::info!("{}", self.message),
            false => tracing::warn!("{}", self.message),
        }
    }
}

/// Returns the messages about a folder `root` of finished clips: sounds of other formats, sounds that none of the
/// `tables` lists, and `others`: tables that are not read, and whether their columns are those of a list of clips.
pub(super) fn of_clips(root: &Path, files: &FileIndex, tables: &[PathBuf], others: &[(PathBuf, bool)]) -> Vec<LeftOut> {
    let mut foreign = Vec::new();
    foreign_below(root, MOST_DEPTH, &mut foreign);
    let read = tables.iter().map(|table| inside(root, table)).collect::<Vec<_>>().join(", ");
    let unlisted = if tables.is_empty() { "in no folder of a class".into() } else { format!("not listed in {read}") };
    let unread =
        if tables.is_empty() { "no table is read".into() } else { format!("the tables that are read are {read}") };
    let of = |understood: bool| {
        let paths = others.iter().filter(|(_, columns)| *columns == understood).map(|(path, _)| path.clone());
        line(root, &paths.collect::<Vec<_>>(), "table", &unread)
    };
    let convert = format!("the format is not read, convert it to .{}", EXTENSIONS.join(", ."));
    let warnings = [line(root, &foreign, "sound", &convert), line(root, &files.unused(), "clip", &unlisted), of(true)];
    // A table of something else has another purpose.
    let harmless = of(false).map(|line| LeftOut { harmless: !tables.is_empty(), ..line });
    warnings.into_iter().flatten().chain(harmless).collect()
}

/// Returns the entries of a folder, sorted by name. A folder that cannot be listed counts as empty; where the folder is
/// needed, another function reports the error.
pub(in crate::data) fn listed(folder: &Path) -> Vec<PathBuf> {
    entries(folder).unwrap_or_default().into_iter().map(|(_, path)| path).collect()
}

/// Returns whether `path` is a file with one of the `extensions`.
pub(in crate::data) fn ending(path: &Path, extensions: &[&str]) -> bool {
    has_ending(path, extensions) && path.is_file()
}

/// Returns the message about the `things` at `paths` below `root`, if there are any.
pub(in crate::data) fn line(root: &Path, paths: &[PathBuf], thing: &str, why: &str) -> Option<LeftOut> {
    let first = paths.first()?;
    let things = counted(paths.len(), thing);
    let which = if paths.len() == 1 { "" } else { " first" };
    let (root, first) = (root.display(), first.strip_prefix(root).unwrap_or(first).display());
    Some(LeftOut::warning(format!("{root}: {things} left out, {first}{which}: {why}")))
}
