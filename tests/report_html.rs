//! The HTML reports as readers meet them: opened in a browser, on a phone and on a screen, by day and by night.
//!
//! Needs Chromium; without it the test says that it was left out, and fails where `CI=true`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

#[path = "report_html/chromium.rs"]
mod chromium;
#[path = "report_html/search.rs"]
mod search;
#[path = "report_html/study.rs"]
mod study;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use chromium::{Chromium, Seen, WIDTHS};
use weaklabel::experiments::report::page::Grid;
use weaklabel::experiments::report::search as search_report;
use weaklabel::experiments::report::study::{StudyData, claims, claims_grid, tables, write_report};

/// The rows and cells that every table of a report must have.
type Tables = BTreeMap<String, (usize, usize)>;

fn shapes(grids: impl IntoIterator<Item = Grid>) -> Tables {
    let shape = |grid: &Grid| (grid.rows.len(), grid.columns.len() * (grid.rows.len() + 1));
    grids.into_iter().map(|grid| (grid.name.clone(), shape(&grid))).collect()
}

fn expected_tables(study: &StudyData) -> Tables {
    shapes(tables(study).into_iter().chain([claims_grid(&claims(study))]))
}

fn figure_names(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder.join("figures")).unwrap().map(|entry| entry.unwrap().path());
    let svgs = files.filter(|path| path.extension().unwrap() == "svg");
    let mut names: Vec<String> = svgs.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

/// What is wrong with a page, in words.
fn faults(seen: &Seen, tables: &Tables, figures: &[String], dark: bool) -> Vec<String> {
    let mut faults = Vec::new();
    let mut check = |right: bool, fault: String| {
        if !right {
            faults.push(fault);
        }
    };
    check(
        seen.dark == dark && seen.paper_is_dark == dark,
        format!("the page is not {}", if dark { "dark" } else { "light" }),
    );
    check(seen.content_width <= seen.width, format!("content is {} pixels wide", seen.content_width));
    check(seen.text_contrast > 7.0, format!("text has a contrast of {}", seen.text_contrast));
    check(seen.requests.is_empty(), format!("requests {:?}", seen.requests));
    check(seen.repeated_ids.is_empty(), format!("repeated ids {:?}", seen.repeated_ids));
    check(seen.dead_links.is_empty(), format!("dead links {:?}", seen.dead_links));
    check(seen.language == "en", format!("language {:?}", seen.language));
    let steps = seen.headings.windows(2).all(|pair| pair[1] <= pair[0] + 1);
    let single = seen.headings.iter().filter(|level| **level == 1).count() == 1;
    check(steps && single && seen.headings[0] == 1, format!("headings {:?}", seen.headings));

    let mut names: Vec<String> = seen.figures.iter().map(|f| f.name.trim_end_matches("-title").to_owned()).collect();
    names.sort();
    check(names == figures, format!("figures {names:?}"));
    for figure in &seen.figures {
        check(figure.visible, format!("{}: invisible", figure.name));
        check(figure.described, format!("{}: no text alternative", figure.name));
        check(figure.least_contrast > 4.5, format!("{}: contrast {}", figure.name, figure.least_contrast));
        check(figure.smallest_text > 8.0, format!("{}: text of {} pixels", figure.name, figure.smallest_text));
        check(figure.outside.is_empty(), format!("{}: cut off {:?}", figure.name, figure.outside));
    }
    let found: BTreeMap<_, _> = seen.tables.iter().map(|t| (t.name.clone(), (t.rows, t.cells))).collect();
    check(found == *tables, format!("tables {found:?}"));
    check(seen.tables.iter().all(|table| table.visible), "invisible tables".into());
    faults
}

/// Asserts that `page` has all of `tables` and `figures`, and is readable at every width by day and by night.
fn assert_readable(chromium: &Chromium, page: &Path, tables: &Tables, figures: &[String]) {
    assert_eq!(chromium.console(page), Vec::<String>::new());
    for dark in [false, true] {
        let seen = chromium.measure(page, dark);
        for width in WIDTHS {
            let seen = &seen[&width.to_string()];
            assert_eq!(seen.width, width);
            let none: [&str; 0] = [];
            assert_eq!(faults(seen, tables, figures, dark), none, "{width} pixels, dark: {dark}");
        }
    }
}

#[test]
#[ignore = "slow"]
fn the_report_of_a_study_is_complete_and_readable_in_a_browser() {
    let Some(chromium) = Chromium::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    let study = study::full();
    let page = write_report(folder.path(), &study).unwrap();
    let (tables, figures) = (expected_tables(&study), figure_names(folder.path()));
    assert!(tables.len() == 13 && figures.len() == 23, "{} tables, {} figures", tables.len(), figures.len());
    assert_readable(&chromium, &page, &tables, &figures);
}

#[test]
#[ignore = "slow"]
fn the_report_of_a_search_is_complete_and_readable_in_a_browser() {
    let Some(chromium) = Chromium::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    let search = search::full();
    let page = search_report::write_search_report(folder.path(), &search).unwrap();
    let (tables, figures) = (shapes(search_report::tables(&search)), figure_names(folder.path()));
    assert!(tables["trials"].0 == 60 && figures.len() == 8, "{tables:?}, {figures:?}");
    assert_readable(&chromium, &page, &tables, &figures);
}

/// The check above must notice what it is there for.
#[test]
#[ignore = "slow"]
fn a_broken_report_is_noticed() {
    let Some(chromium) = Chromium::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut study = study::full();
    study.cells.truncate(1);
    let page = write_report(folder.path(), &study).unwrap();
    let (tables, figures) = (expected_tables(&study), figure_names(folder.path()));
    let good = fs::read_to_string(&page).unwrap();
    let broken = good
        .replace("<main>", "<main><img alt=\"\" src=\"http://127.0.0.1:9/missing.png\"><div style=\"width: 3000px\" id=\"studied\">.</div>")
        .replace("<figure><svg ", "<figure><svg style=\"display: none\" ")
        .replacen("<tr>", "<tr><td></td>", 1)
        .replace("var(--muted)", "#7f7f7f")
        .replace("</head>", "<script>console.warn('noise')</script></head>");
    fs::write(&page, broken).unwrap();

    let console = chromium.console(&page).join("\n");
    assert!(console.contains("Content Security Policy"), "a refused image and script: {console}");
    let seen = chromium.measure(&page, false);
    let faults = faults(&seen["360"], &tables, &figures, false).join("\n");
    for fault in ["pixels wide", "requests", "repeated ids", "invisible", "contrast", "tables {"] {
        assert!(faults.contains(fault), "not noticed: {fault}\n{faults}");
    }
}
