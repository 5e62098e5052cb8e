//! The places of the tables of a dataset.
//!
//! In: a path, which is a table or a folder. Out: the tables that list the clips, and the subset that each is of, by
//! its name: `train.tsv` beside `eval.tsv`, one list for all clips, or `meta/esc50.csv`. A folder without a table may
//! have [folders of classes](super::class_folders).

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::Subset;
use super::audioset;
use super::files::{entries, has_ending, inside};
use super::list;
use super::splits::{subset_of, subsets_of};
use crate::base::regular_file;
use crate::config::TableConfig;
use crate::{Error, Result};

/// File name extensions of tables.
const ENDINGS: [&str; 3] = ["tsv", "csv", "txt"];
/// Number of bytes of a file that are read to see whether it is a table of clips.
const HEAD_BYTES: u64 = 1 << 16;
/// Tables that belong to a dataset, but list no clips: `weaklabel generate` and AudioSet write them.
const OTHERS: [&str; 2] = ["manifest.tsv", audioset::NAMES];
/// Folders for tables beside folders of audio.
const TABLE_FOLDERS: [&str; 7] =
    ["meta", "metadata", "labels", "annotations", "ground_truth", "fsd50k.ground_truth", "csv"];
/// Number of levels of folders in which tables are searched.
const LEVELS: usize = 3;

/// The tables of a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetLayout {
    /// The folder that holds the clips.
    pub root: PathBuf,
    /// The tables that list clips. Without any, the folder may have a folder for each class.
    pub tables: Vec<TableFile>,
    /// Tables that are not read, and whether their columns are those of a list of clips.
    pub others: Vec<(PathBuf, bool)>,
    /// The error about the first table whose columns were not understood.
    pub not_understood: Option<String>,
}

/// A table of clips.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableFile {
    /// Path of the file.
    pub path: PathBuf,
    /// The subset that the table's name stands for.
    pub subset: Option<Subset>,
}

/// Finds the tables of the dataset at `path`.
///
/// # Errors
/// [`Error::Data`] naming a path that does not exist, or several tables of which none can be preferred; [`Error::Io`]
/// if a folder or a table cannot be read.
pub fn find(path: &Path, named: &TableConfig) -> Result<DatasetLayout> {
    // A pipe or a device is taken for a table as well, so that reading it names it.
    if path.exists() && !path.is_dir() {
        let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
        let name = folder.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
        let above = folder.parent().filter(|above| *above != Path::new("") && TABLE_FOLDERS.contains(&name.as_str()));
        let root = above.unwrap_or(folder).to_path_buf();
        let subset = subset_of(&path.file_stem().unwrap_or_default().to_string_lossy());
        let tables = vec![TableFile { path: path.into(), subset }];
        return Ok(DatasetLayout { root, tables, others: Vec::new(), not_understood: None });
    }
    if !path.exists() {
        let reason = "no such folder or table; a dataset is what `weaklabel generate` writes, or clips of your own with \
                      their labels";
        return Err(Error::data(path, reason));
    }
    let layout = |tables, others| DatasetLayout { root: path.into(), tables, others, not_understood: None };
    // Tables of these names are read whatever their headers are, so that mistakes in them are found, and no other.
    let usual = |subset: Subset| path.join(format!("{}.tsv", subset.name()));
    if is_table(&usual(Subset::Train)) && is_table(&usual(Subset::Eval)) {
        let of = |subset: Subset| TableFile { path: usual(subset), subset: Some(subset) };
        let tables: Vec<TableFile> = Subset::all().map(of).into_iter().filter(|table| is_table(&table.path)).collect();
        let mut others = Vec::new();
        for other in tables_in(path)? {
            if !is_text(&other) && tables.iter().all(|table| table.path != other) {
                let is_list = understood(&other, named)?.is_ok();
                others.push((other, is_list));
            }
        }
        return Ok(layout(tables, others));
    }
    let (mut not_understood, mut others) = (None, Vec::new());
    let mut level = vec![path.to_path_buf()];
    for _ in 0..LEVELS {
        let mut fit = Vec::new();
        for folder in &level {
            for table in tables_in(folder)? {
                match understood(&table, named)? {
                    Ok(()) => fit.push(table),
                    Err(_) if is_text(&table) && named.file.is_none() && named.labels.is_none() => {}
                    Err(error) => {
                        not_understood.get_or_insert(error);
                        others.push((table, false));
                    }
                }
            }
        }
        if !fit.is_empty() {
            let (tables, passed_over) = of_subsets(path, fit)?;
            others.extend(passed_over.into_iter().map(|other| (other, true)));
            return Ok(layout(tables, others));
        }
        let mut below = Vec::new();
        for folder in &level {
            let folders = entries(folder)?.into_iter().map(|(_, path)| path);
            below.extend(folders.filter(|path| path.is_dir() && !path.is_symlink()));
        }
        level = below;
    }
    Ok(DatasetLayout { not_understood, ..layout(Vec::new(), others) })
}

fn tables_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let other = |path: &PathBuf| OTHERS.iter().any(|name| path.ends_with(name));
    let tables = entries(folder)?.into_iter().map(|(_, path)| path);
    Ok(tables.filter(|path| has_ending(path, &ENDINGS) && is_table(path) && !other(path)).collect())
}

/// Returns whether there is something at `path` that reading takes for a table. A pipe or a device is refused there.
fn is_table(path: &Path) -> bool {
    path.exists() && !path.is_dir()
}

/// Returns whether a file that is no table need not be mentioned, since its name promises none.
fn is_text(path: &Path) -> bool {
    has_ending(path, &["txt"])
}

/// Returns whether the columns of the table at `path` can be told, or the error about them.
fn understood(path: &Path, named: &TableConfig) -> Result<Result<(), String>> {
    let mut head = Vec::new();
    let read = regular_file::open(path).and_then(|file: File| file.take(HEAD_BYTES).read_to_end(&mut head));
    read.map_err(|source| Error::io("read", path, source))?;
    // The last line may be cut off, possibly inside a character.
    if head.len() as u64 == HEAD_BYTES {
        head.truncate(head.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1));
    }
    Ok(list::columns(path, &head, named).map(drop).map_err(|error| error.to_string()))
}

/// Chooses the tables that are read, and returns the others behind them.
fn of_subsets(root: &Path, fit: Vec<PathBuf>) -> Result<(Vec<TableFile>, Vec<PathBuf>)> {
    let names: Vec<String> = fit.iter().map(|path| inside(root, path)).collect();
    let stems = names.iter().map(|name| name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem));
    let subsets = subsets_of(stems);
    if fit.len() > 1 && subsets.iter().all(Option::is_none) {
        let reason = format!(
            "there are several tables of clips in it, {}: name the one to read instead of the folder",
            names.join(", ")
        );
        return Err(Error::data(root, reason));
    }
    let (mut tables, mut others) = (Vec::new(), Vec::new());
    let any = subsets.iter().any(Option::is_some);
    for (path, subset) in fit.into_iter().zip(subsets) {
        if any && subset.is_none() {
            others.push(path);
        } else {
            tables.push(TableFile { path, subset });
        }
    }
    tables.sort_by(|a, b| (a.subset, &a.path).cmp(&(b.subset, &b.path)));
    Ok((tables, others))
}
