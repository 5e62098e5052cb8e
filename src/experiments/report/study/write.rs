//! Writing of a study's report into its folder.

use std::path::{Path, PathBuf};

use super::claims::claims;
use super::claims_table::{claims_grid, claims_markdown};
use super::data::StudyData;
use super::figures::chapters;
use super::html;
use super::tables::tables;
use crate::Result;
use crate::base::atomic;
use crate::experiments::report::page::files::{write_figures, write_page, write_tables};
use crate::experiments::report::page::markup::escape_markdown;

/// Writes the report of `study` into `folder`: `tables/*.{md,tex,tsv}`, `figures/*.{svg,png}`, `report.md` and, last,
/// `report.html`, whose path is returned. Tables and figures of an earlier report that are not in this one are removed.
///
/// The same study gives the same bytes.
///
/// # Errors
/// [`Error::Io`](crate::Error::Io) naming the file that cannot be created, written or removed.
pub fn write_report(folder: &Path, study: &StudyData) -> Result<PathBuf> {
    let (claims, mut tables, chapters) = (claims(study), tables(study), chapters(study));
    // The paper's tables come first, one for every dataset with a finished cell.
    let main = tables.iter().take_while(|table| table.name.starts_with("table-")).count();
    let page = html::page(study, &claims, &tables, main, &chapters);
    let main_tables = tables[..main].iter().map(|table| format!("\n{}", table.markdown())).collect::<String>();
    let summary = format!("# {}\n\n{}{main_tables}", escape_markdown(&study.title), claims_markdown(&claims));
    tables.push(claims_grid(&claims));

    write_tables(folder, &tables)?;
    write_figures(folder, chapters.into_iter().flat_map(|chapter| chapter.figures))?;
    atomic::write_bytes(&folder.join("report.md"), summary.as_bytes())?;
    write_page(folder, &page)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::example;
    use super::*;
    use crate::experiments::report::page::files_below;

    #[test]
    fn the_same_study_gives_the_same_bytes() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let study = example::like_the_paper();
        let page = write_report(one.path(), &study).unwrap();
        assert_eq!(page, one.path().join("report.html"));
        write_report(other.path(), &study).unwrap();
        assert!(files_below(one.path()) == files_below(other.path()));
    }

    #[test]
    fn files_of_an_earlier_report_go_and_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        write_report(folder.path(), &example::like_the_paper()).unwrap();
        fs::write(folder.path().join("tables/notes.txt"), "mine").unwrap();
        let names =
            || files_below(folder.path()).into_keys().map(|path| path.display().to_string()).collect::<Vec<_>>();
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

    /// Names of sounds and titles may hold any text. No file may take them for markup.
    #[test]
    fn names_are_text_in_every_file() {
        let attack = "\u{1b}[2J\n# x ![a](http://b) <img src=x> \\input{/etc/passwd} | `a` $x$ %\t\"\u{0}\u{202e}#";
        let folder = tempfile::tempdir().unwrap();
        let mut study = example::like_the_paper();
        study.cells.truncate(3);
        for text in [&mut study.title, &mut study.soundbank, &mut study.classes[0]] {
            *text = attack.into();
        }
        for cell in &mut study.cells {
            cell.classes[0] = attack.into();
            cell.adapter = attack.into();
        }
        write_report(folder.path(), &study).unwrap();
        let steers = |c: char| c != '\n' && c != '\t' && crate::base::printable::steers(c);
        for (path, bytes) in files_below(folder.path()) {
            let name = path.display();
            let Ok(text) = String::from_utf8(bytes) else { continue };
            if name.to_string() != "report.html" {
                assert!(!text.contains(steers), "{name}: {text}");
            }
            match path.extension().and_then(|ending| ending.to_str()) {
                Some("md") => {
                    let bare = |markup: &str| text.replace(&format!("\\{markup}"), "").contains(markup);
                    assert!(!["<img", "[a", "](http", "`a", "$x", "# x"].into_iter().any(bare), "{name}: {text}");
                    assert!(text.lines().filter(|line| line.starts_with("# ")).count() <= 1, "{name}: {text}");
                }
                Some("tex") => assert!(!text.contains("\\input") && !text.contains(" %"), "{name}: {text}"),
                Some("tsv") => {
                    let columns = |line: &str| line.split('\t').count();
                    let mut lines = text.lines();
                    let heads = columns(lines.next().unwrap());
                    assert!(lines.all(|line| columns(line) == heads), "{name}: {text}");
                }
                _ => assert!(!text.contains("<img"), "{name}"),
            }
        }
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
