//! Scores by how much of the segment its event covers.

use super::{datasets, mean, method_legend, of_method, stem, training_lengths, within};
use crate::config::Method;
use crate::report::page::canvas::{Axes, Curve, Panel, draw};
use crate::report::page::{Chapter, Figure};
use crate::report::study::data::{CellResult, CoverageBin, StudyData};
use crate::report::study::tables::{Dataset, place};

/// One figure per dataset and test length of which events cover different shares.
pub fn chapter(study: &StudyData) -> Chapter {
    let of_dataset = |dataset: Dataset| -> Vec<Figure> {
        let tests = dataset.tests.iter().filter(|test| varies(&dataset, **test));
        tests.map(|test| figure(&dataset, *test)).collect()
    };
    Chapter {
        title: "How much of the segment the event covers",
        anchor: "coverage",
        note:
            "Macro-F1 in %, mean over seeds, over the test segments whose event covers more or less of them. A point \
               stands in the middle of its range of shares. Of datasets and test lengths whose events all cover about \
               the same share there is no figure; the tables have the numbers and the spread over seeds."
                .into(),
        figures: datasets(study).flat_map(of_dataset).collect(),
    }
}

/// The ranges of one cell on one test length that have segments.
fn bins(cell: &CellResult, test: f64) -> Vec<&CoverageBin> {
    let bins = place(cell, test).and_then(|at| cell.coverage.get(at));
    bins.into_iter().flatten().filter(|bin| bin.clips > 0 && !bin.f1.is_empty()).collect()
}

fn varies(dataset: &Dataset, test: f64) -> bool {
    dataset.cells.iter().any(|cell| bins(cell, test).len() > 1)
}

fn figure(dataset: &Dataset, test: f64) -> Figure {
    let (mut panels, mut words) = (Vec::new(), Vec::new());
    let highest = dataset.cells.iter().flat_map(|cell| bins(cell, test)).map(|bin| mean(&bin.f1)).fold(1.0, f64::max);
    let axes =
        Axes { x_label: "share of the segment in %".into(), x_end: 100.0, y_end: (highest / 20.0).ceil() * 20.0 };
    for train in training_lengths(&dataset.cells) {
        let cells: Vec<_> = dataset.cells.iter().filter(|cell| cell.train_seconds == train).collect();
        let curves: Vec<Curve> = cells.iter().map(|cell| curve(cell, test)).collect();
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

fn curve(cell: &CellResult, test: f64) -> Curve {
    let point = |bin: &CoverageBin| [50.0 * (bin.low + bin.high), mean(&bin.f1)];
    let points = bins(cell, test).into_iter().map(point).collect();
    Curve { colour: of_method(cell.method), width: 2.0, dots: true, points }
}

fn sentence(cell: &CellResult, test: f64) -> String {
    let percent = |share: f64| (1000.0 * share).round() / 10.0;
    let score = |bin: &CoverageBin| {
        format!("{:.1} where it covers {} to {} %", mean(&bin.f1), percent(bin.low), percent(bin.high))
    };
    let scores: Vec<String> = bins(cell, test).into_iter().map(score).collect();
    format!("{} trained on {} s: {}.", cell.method.name(), cell.train_seconds, scores.join(", "))
}
