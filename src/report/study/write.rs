//! The report as files in a study's folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::claims::claims;
use super::claims_table::{claims_grid, claims_markdown};
use super::data::StudyData;
use super::figures::chapters;
use super::html;
use super::tables::tables;
use crate::{Error, Result, atomic};

/// Writes the report of `study` into `folder`: `tables/*.{md,tex,tsv}`, `figures/*.{svg,png}`, `report.md` and, last,
/// `report.html`, whose path is returned. Tables and figures of an earlier report that this one does not have are removed.
///
/// The same study gives the same bytes.
///
/// # Errors
/// [`Error::Io`] naming what cannot be created, written or removed.
pub fn write_report(folder: &Path, study: &StudyData) -> Result<PathBuf> {
    let (claims, mut tables, chapters) = (claims(study), tables(study), chapters(study));
    // The paper's tables come first, one for every dataset of which there is a cell.
    let main = tables.iter().take_while(|table| table.name.starts_with("table-")).count();
    let page = html::page(study, &claims, &tables, main, &chapters);
    let main_tables = tables[..main].iter().map(|table| format!("\n{}", table.markdown())).collect::<String>();
    let summary = format!("# {}\n\n{}{main_tables}", study.title, claims_markdown(&claims));
    tables.push(claims_grid(&claims));

    let mut files = BTreeMap::new();
    for table in &tables {
        let forms = [("md", table.markdown()), ("tex", table.latex()), ("tsv", table.tsv())];
        files.extend(forms.map(|(form, text)| (format!("{}.{form}", table.name), text.into_bytes())));
    }
    write_all(&folder.join("tables"), &["md", "tex", "tsv"], &files)?;
    let figures = chapters.into_iter().flat_map(|chapter| chapter.figures);
    let forms =
        figures.flat_map(|f| [(format!("{}.svg", f.name), f.svg.into_bytes()), (format!("{}.png", f.name), f.png)]);
    write_all(&folder.join("figures"), &["svg", "png"], &forms.collect())?;
    atomic::write_bytes(&folder.join("report.md"), summary.as_bytes())?;
    let path = folder.join("report.html");
    atomic::write_bytes(&path, page.as_bytes())?;
    Ok(path)
}

/// Makes `files` all that `folder` has with one of `extensions`.
fn write_all(folder: &Path, extensions: &[&str], files: &BTreeMap<String, Vec<u8>>) -> Result<()> {
    fs::create_dir_all(folder).map_err(|e| Error::io("create", folder, e))?;
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
mod tests {
    use super::super::example;
    use super::*;

    /// Every file below `folder` with its bytes.
    fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                found.extend(files(&path));
            } else {
                found.insert(path.clone(), fs::read(path).unwrap());
            }
        }
        found
    }

    #[test]
    fn the_same_study_gives_the_same_bytes() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let study = example::like_the_paper();
        let page = write_report(one.path(), &study).unwrap();
        assert_eq!(page, one.path().join("report.html"));
        write_report(other.path(), &study).unwrap();
        let within = |folder: &Path| {
            let files = files(folder).into_iter();
            files
                .map(|(path, bytes)| (path.strip_prefix(folder).unwrap().to_owned(), bytes))
                .collect::<BTreeMap<_, _>>()
        };
        assert!(within(one.path()) == within(other.path()));
    }

    #[test]
    fn files_of_an_earlier_report_go_and_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        write_report(folder.path(), &example::like_the_paper()).unwrap();
        fs::write(folder.path().join("tables/notes.txt"), "mine").unwrap();
        let names = || {
            let paths = files(folder.path()).into_keys();
            paths.map(|path| path.strip_prefix(folder.path()).unwrap().to_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert!(names().iter().any(|name| name == "tables/table-3-waa.tex"));
        write_report(folder.path(), &example::study(Vec::new())).unwrap();
        let claims = ["md", "tex", "tsv"].map(|form| format!("tables/claims.{form}"));
        let mut expected =
            ["figures/durations.png", "figures/durations.svg", "report.html", "report.md"].map(str::to_owned).to_vec();
        expected.extend(claims);
        expected.push("tables/notes.txt".into());
        assert_eq!(names(), expected);
    }

    #[test]
    fn the_summary_has_the_claims_and_the_papers_tables() {
        let folder = tempfile::tempdir().unwrap();
        write_report(folder.path(), &example::like_the_paper()).unwrap();
        let summary = fs::read_to_string(folder.path().join("report.md")).unwrap();
        for part in ["# A made-up study\n", "**(a) ", "**(c) ", "**Table 2: 200 ms dataset**", "**Table 3: WAA1**"] {
            assert!(summary.contains(part), "{part}: {summary}");
        }
        assert!(!summary.contains("F1 by class"));
    }

    #[test]
    fn what_cannot_be_written_is_named_and_no_page_is_left() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("figures"), "in the way").unwrap();
        let error = write_report(folder.path(), &example::study(Vec::new())).unwrap_err();
        assert!(error.to_string().ends_with("figures"), "{error}");
        assert!(!folder.path().join("report.html").exists());
    }
}
