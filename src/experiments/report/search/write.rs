//! Writing of a search's report into its folder.

use std::path::{Path, PathBuf};

use super::data::SearchData;
use super::figures::chapters;
use super::html;
use super::tables::tables;
use crate::Result;
use crate::experiments::report::page::files::{write_figures, write_page, write_tables};

/// Writes the report of `search` into `folder`: `tables/*.{md,tex,tsv}`, `figures/*.{svg,png}` and, last,
/// `report.html`, whose path is returned. Tables and figures of an earlier report that are not in this one are removed.
///
/// The same search gives the same bytes.
///
/// # Errors
/// [`Error::Io`](crate::Error::Io) naming the file that cannot be created, written or removed.
pub fn write_search_report(folder: &Path, search: &SearchData) -> Result<PathBuf> {
    let (tables, chapters) = (tables(search), chapters(search));
    let page = html::page(search, &tables, &chapters);
    write_tables(folder, &tables)?;
    write_figures(folder, chapters.into_iter().flat_map(|chapter| chapter.figures))?;
    write_page(folder, &page)
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;
    use crate::experiments::report::page::files_below;

    #[test]
    fn the_same_search_gives_the_same_bytes_whatever_the_threads() {
        let report = |threads: usize| {
            let folder = tempfile::tempdir().unwrap();
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let page = pool.install(|| write_search_report(folder.path(), &example::finished())).unwrap();
            assert_eq!(page, folder.path().join("report.html"));
            files_below(folder.path())
        };
        let (one, other) = (report(1), report(3));
        assert!(one == other);
        let names: Vec<String> = one.keys().map(|path| path.display().to_string()).collect();
        let figures = ["curves", "parameter-1-optimiser-lr", "parameter-2-model-channels", "parameter-3-model-dropout"];
        let figures = figures.iter().flat_map(|name| ["png", "svg"].map(|form| format!("figures/{name}.{form}")));
        let tables = ["rungs", "trials"];
        let tables = tables.iter().flat_map(|name| ["md", "tex", "tsv"].map(|form| format!("tables/{name}.{form}")));
        assert_eq!(names, figures.chain(["report.html".into()]).chain(tables).collect::<Vec<_>>());
    }

    #[test]
    fn figures_of_an_earlier_report_go() {
        let folder = tempfile::tempdir().unwrap();
        write_search_report(folder.path(), &example::finished()).unwrap();
        write_search_report(folder.path(), &example::search(Vec::new())).unwrap();
        assert!(!files_below(folder.path()).keys().any(|path| path.starts_with("figures")));
    }
}
