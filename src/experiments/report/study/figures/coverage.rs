//! Scores by the share of the segment that its event covers.

use super::{mean, method_legend, of_method, stem, training_lengths, within};
use crate::config::Method;
use crate::experiments::report::page::canvas::{Axes, Curve, Panel, draw};
use crate::experiments::report::page::{Chapter, Figure};
use crate::experiments::report::study::data::StudyData;
use crate::experiments::report::study::dataset_cells::DatasetCells;
use crate::experiments::study::{CellResult, CoverageBin};

/// Number of segments below which a score rests on few: with the paper's ten classes, on fewer than three per class.
const FEW: usize = 30;

/// Makes one figure per dataset and test length whose events cover different shares.
pub fn chapter(study: &StudyData) -> Chapter {
    let of_dataset = |dataset: DatasetCells| -> Vec<Figure> {
        let tests = dataset.tests.iter().filter(|test| varies(&dataset, **test));
        tests.map(|test| figure(&dataset, *test)).collect()
    };
    Chapter {
        title: "How much of the segment the event covers",
        anchor: "coverage",
        note: format!(
            "Macro-F1 in %, mean over seeds, over the test segments whose longest event covers more or less of them; classes \
             without such a segment do not count. A point stands in the middle of its range of shares, n above it is the \
             number of its segments. Points of fewer than {FEW} segments are pale, and lines to them dotted: one segment \
             more or less moves them far. Of datasets and test lengths whose events all cover about the same share there \
             is no figure; the tables have the numbers and the spread over seeds."
        ),
        figures: DatasetCells::all(study).flat_map(of_dataset).collect(),
    }
}

/// Returns the ranges of one cell on one test length that have segments.
fn bins(cell: &CellResult, test: f64) -> Vec<&CoverageBin> {
    let bins = cell.test_length(test).and_then(|at| cell.coverage.get(at));
    bins.into_iter().flatten().filter(|bin| bin.clips > 0 && !bin.f1.is_empty()).collect()
}

fn varies(dataset: &DatasetCells, test: f64) -> bool {
    dataset.cells.iter().any(|cell| bins(cell, test).len() > 1)
}

fn figure(dataset: &DatasetCells, test: f64) -> Figure {
    let (mut panels, mut words) = (Vec::new(), Vec::new());
    let highest = dataset.cells.iter().flat_map(|cell| bins(cell, test)).map(|bin| mean(&bin.f1)).fold(1.0, f64::max);
    let y_end = (highest / 20.0).ceil() * 20.0;
    for train in training_lengths(&dataset.cells) {
        let cells: Vec<_> = dataset.cells.iter().filter(|cell| cell.train_seconds == train).collect();
        let curves: Vec<Curve> = cells.iter().flat_map(|cell| curves(cell, test)).collect();
        // All cells of a dataset are tested on the same segments.
        let notes = cells.first().map_or(Vec::new(), |cell| notes(cell, test));
        let axes = Axes { x_label: "share of the segment in %".into(), x_end: 100.0, y_end, notes };
        panels.push(Panel::curves(&format!("trained on {train} s"), 150.0, &axes, &curves));
        words.extend(cells.iter().map(|cell| sentence(cell, test)));
    }
    let methods: Vec<Method> =
        Method::all().into_iter().filter(|m| dataset.cells.iter().any(|cell| cell.method == *m)).collect();
    panels.push(method_legend(&methods));
    let alt = format!("Lines of macro-F1 in % by the share of the segment that the event covers. {}", words.join(" "));
    let name = format!("{}-test-{}", dataset.name("coverage"), stem(test));
    draw(name, "Macro-F1 in % by share covered", &within(dataset, &format!("tested on {test} s")), alt, panels)
}

/// Returns the middle of a range in %, where its point is drawn.
fn middle(bin: &CoverageBin) -> f64 {
    50.0 * (bin.low + bin.high)
}

/// Draws strong lines through neighbouring ranges with many segments. If some ranges have few, a faint line through all
/// points lies below.
fn curves(cell: &CellResult, test: f64) -> Vec<Curve> {
    let bins = bins(cell, test);
    let curve = |bins: &[&CoverageBin], faint: bool| {
        let points = bins.iter().map(|bin| [middle(bin), mean(&bin.f1)]).collect();
        Curve { colour: of_method(cell.method), width: if faint { 1.0 } else { 2.0 }, dots: true, faint, points }
    };
    let many = bins.split(|bin| bin.clips < FEW).filter(|run| !run.is_empty());
    let faint = bins.iter().any(|bin| bin.clips < FEW).then(|| curve(&bins, true));
    faint.into_iter().chain(many.map(|run| curve(run, false))).collect()
}

/// Returns the number of segments of every point, as notes.
fn notes(cell: &CellResult, test: f64) -> Vec<(f64, String)> {
    let note = |(place, bin): (usize, &CoverageBin)| {
        let n = if place == 0 { "n " } else { "" };
        (middle(bin), format!("{n}{}", bin.clips))
    };
    bins(cell, test).into_iter().enumerate().map(note).collect()
}

fn sentence(cell: &CellResult, test: f64) -> String {
    let percent = |share: f64| (1000.0 * share).round() / 10.0;
    let score = |bin: &CoverageBin| {
        let (low, high) = (percent(bin.low), percent(bin.high));
        format!("{:.1} where it covers {low} to {high} % (n {})", mean(&bin.f1), bin.clips)
    };
    let scores: Vec<String> = bins(cell, test).into_iter().map(score).collect();
    format!("{} trained on {} s: {}.", cell.method.name(), cell.train_seconds, scores.join(", "))
}
