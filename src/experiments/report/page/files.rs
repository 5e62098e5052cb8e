//! Writing of reports as files into a folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Figure, Grid};
use crate::base::atomic;
use crate::{Error, Result};

/// Writes `tables` into `folder` as `tables/*.{md,tex,tsv}`. Tables of an earlier report that are not among them are
/// removed.
///
/// # Errors
/// [`Error::Io`] naming the file that cannot be created, written or removed.
pub fn write_tables(folder: &Path, tables: &[Grid]) -> Result<()> {
    let forms = tables.iter().flat_map(|table| {
        let forms = [("md", table.markdown()), ("tex", table.latex()), ("tsv", table.tsv())];
        forms.map(|(form, text)| (format!("{}.{form}", table.name), text.into_bytes()))
    });
    write_all(&folder.join("tables"), &["md", "tex", "tsv"], &forms.collect())
}

/// Writes `figures` into `folder` as `figures/*.{svg,png}`. Figures of an earlier report that are not among them are
/// removed.
///
/// # Errors
/// [`Error::Io`] naming the file that cannot be created, written or removed.
pub fn write_figures(folder: &Path, figures: impl Iterator<Item = Figure>) -> Result<()> {
    let forms =
        figures.flat_map(|f| [(format!("{}.svg", f.name), f.svg.into_bytes()), (format!("{}.png", f.name), f.png)]);
    write_all(&folder.join("figures"), &["svg", "png"], &forms.collect())
}

/// Writes `page` into `folder` as `report.html` and returns the path.
///
/// # Errors
/// [`Error::Io`] naming the file that cannot be written.
pub fn write_page(folder: &Path, page: &str) -> Result<PathBuf> {
    let path = folder.join("report.html");
    atomic::remove_leftovers(folder)?;
    atomic::write_bytes(&path, page.as_bytes())?;
    Ok(path)
}

/// Writes `files` into `folder` and removes all other files with one of `extensions`.
fn write_all(folder: &Path, extensions: &[&str], files: &BTreeMap<String, Vec<u8>>) -> Result<()> {
    fs::create_dir_all(folder).map_err(|e| Error::io("create", folder, e))?;
    atomic::remove_leftovers(folder)?;
    for (name, bytes) in files {
        atomic::write_bytes(&folder.join(name), bytes)?;
    }
    for entry in fs::read_dir(folder).map_err(|e| Error::io("read", folder, e))? {
        let path = entry.map_err(|e| Error::io("read", folder, e))?.path();
        let ours = path.extension().is_some_and(|extension| extensions.iter().any(|ours| extension == *ours));
        let current = path.file_name().and_then(|name| name.to_str()).is_some_and(|name| files.contains_key(name));
        if ours && !current {
            fs::remove_file(&path).map_err(|e| Error::io("remove", &path, e))?;
        }
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Returns the bytes of every file below `folder`, by relative path.
    pub fn files_below(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = PathBuf::from(path.file_name().unwrap());
            if path.is_dir() {
                found.extend(files_below(&path).into_iter().map(|(below, bytes)| (name.join(below), bytes)));
            } else {
                found.insert(name, fs::read(path).unwrap());
            }
        }
        found
    }

    #[test]
    fn files_of_an_earlier_report_go_and_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        let table = |name: &str| Grid::new(name, "", "", 0, Vec::new());
        write_tables(folder.path(), &[table("old"), table("both")]).unwrap();
        fs::write(folder.path().join("tables/notes.txt"), "mine").unwrap();
        fs::write(folder.path().join("tables/.weaklabel-a1B2c3"), "half of a table").unwrap();
        write_tables(folder.path(), &[table("both"), table("new")]).unwrap();
        let names: Vec<String> = files_below(folder.path()).keys().map(|path| path.display().to_string()).collect();
        let expected = ["both.md", "both.tex", "both.tsv", "new.md", "new.tex", "new.tsv", "notes.txt"];
        assert_eq!(names, expected.map(|name| format!("tables/{name}")));
    }
}
