//! Scores of a dataset at a glance: macro-F1 by training and test length, with one heat map per method.

use super::by_method;
use crate::config::Method;
use crate::experiments::report::page::canvas::{Anchor, Panel, WIDTH, draw};
use crate::experiments::report::page::palette::{INK, MUTED};
use crate::experiments::report::page::{Chapter, Figure};
use crate::experiments::report::study::data::StudyData;
use crate::experiments::report::study::dataset_cells::DatasetCells;
use crate::experiments::report::study::paper;
use crate::experiments::study::CellResult;
use crate::output::SeedSummary;

const LABELS: f64 = 76.0;
const ROW: f64 = 30.0;
const HEAD: f64 = 18.0;

/// Makes one figure per dataset.
pub fn chapter(study: &StudyData) -> Chapter {
    let full = full_score(study);
    Chapter {
        title: "Scores at a glance",
        anchor: "overview",
        note: format!(
            "Macro-F1 in %, {}, by the length of the training segments (rows) and of the test segments (columns). The \
             fullest shade is {full} %; each method's best score is bold.",
            StudyData::over_seeds(&study.cells),
        ),
        figures: DatasetCells::all(study).map(|dataset| figure(&dataset, full)).collect(),
    }
}

/// Returns the score of the fullest shade: the highest score of any cell, rounded up to ten.
fn full_score(study: &StudyData) -> f64 {
    let cells = study.cells.iter().filter(|cell| !cell.seeds.is_empty());
    let scores = cells.flat_map(|cell| (0..cell.seconds.len()).map(|test| cell.macro_f1(test).mean));
    (scores.fold(1.0, f64::max) / 10.0).ceil() * 10.0
}

fn figure(dataset: &DatasetCells, full: f64) -> Figure {
    let (mut panels, mut words) = (Vec::new(), Vec::new());
    for (method, cells) in by_method(dataset) {
        let best = best(&cells);
        panels.push(panel(method, &cells, &dataset.tests, best, full));
        words.push(sentence(method, &cells, best));
    }
    let name = paper::dataset(dataset.variant);
    let alt = format!("Heat maps of macro-F1 in %, {name}. {}", words.join(" "));
    draw(dataset.name("overview"), "Macro-F1 in %", name, alt, panels)
}

/// Returns the training length and the test length with the highest mean.
fn best(cells: &[&CellResult]) -> (f64, f64) {
    let all = cells.iter().flat_map(|cell| (0..cell.seconds.len()).map(move |test| (cell, test)));
    let best = all.max_by(|a, b| a.0.macro_f1(a.1).mean.total_cmp(&b.0.macro_f1(b.1).mean));
    best.map_or((0.0, 0.0), |(cell, test)| (cell.train_seconds, cell.seconds[test]))
}

fn panel(method: Method, cells: &[&CellResult], tests: &[f64], best: (f64, f64), full: f64) -> Panel {
    let mut panel = Panel::new(method.name(), HEAD + ROW * cells.len() as f64);
    let width = (WIDTH - LABELS) / tests.len() as f64;
    for (column, test) in tests.iter().enumerate() {
        let x = LABELS + (column as f64 + 0.5) * width;
        panel.text([x, HEAD - 6.0], &format!("test {test} s"), Anchor::Middle, MUTED);
    }
    for (row, cell) in cells.iter().enumerate() {
        let y = HEAD + ROW * row as f64;
        let label = format!("train {} s", cell.train_seconds);
        panel.text([LABELS - 8.0, y + ROW / 2.0 + 3.6], &label, Anchor::End, INK);
        for (column, test) in tests.iter().enumerate() {
            let Some(summary) = cell.test_length(*test).map(|test| cell.macro_f1(test)) else { continue };
            let corner = [LABELS + column as f64 * width, y];
            let bold = best == (cell.train_seconds, *test);
            panel.cell(corner, [width, ROW], summary.mean / full, &summary.cell(), bold);
        }
    }
    panel
}

fn sentence(method: Method, cells: &[&CellResult], best: (f64, f64)) -> String {
    let scores = |cell: &CellResult| {
        let cells = cell.seconds.iter().enumerate();
        let scores = cells.map(|(test, s)| format!("{} on {s} s", SeedSummary::cell(&cell.macro_f1(test))));
        format!("trained on {} s {}", cell.train_seconds, scores.collect::<Vec<_>>().join(", "))
    };
    let rows: Vec<String> = cells.iter().map(|cell| scores(cell)).collect();
    format!("{}: {}; best trained on {} s and tested on {} s.", method.name(), rows.join("; "), best.0, best.1)
}
