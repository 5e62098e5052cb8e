//! Learning curves of a study: loss and validation score by epoch.

use super::{mean, method_legend, of_method, stem, training_lengths, within};
use crate::config::{Method, StageName};
use crate::experiments::report::page::canvas::{Axes, Curve, Panel, draw};
use crate::experiments::report::page::{Chapter, Figure};
use crate::experiments::report::study::data::StudyData;
use crate::experiments::report::study::dataset_cells::DatasetCells;
use crate::experiments::study::CellResult;
use crate::output::CurvePoint;

const HEIGHT: f64 = 140.0;

/// A panel of the figure: two stages and the plotted value.
struct View {
    heading: &'static str,
    stages: [StageName; 2],
    value: fn(&CurvePoint) -> f64,
    /// Whether the value is a score in %.
    percent: bool,
}

const VIEWS: [View; 4] = [
    View { heading: "E alone: training loss", stages: EMBEDDING, value: |point| point.loss, percent: false },
    View { heading: "E alone: validation F(x) in %", stages: EMBEDDING, value: |point| point.score, percent: true },
    View { heading: "G, or E and G: training loss", stages: TAGGING, value: |point| point.loss, percent: false },
    View {
        heading: "G, or E and G: validation macro-F1 in %",
        stages: TAGGING,
        value: |point| point.score,
        percent: true,
    },
];
const EMBEDDING: [StageName; 2] = [StageName::Triplets, StageName::Prototypes];
const TAGGING: [StageName; 2] = [StageName::Classifier, StageName::Tagger];

/// Makes one figure per dataset and training length.
pub fn chapter(study: &StudyData) -> Chapter {
    let of_dataset = |dataset: DatasetCells| -> Vec<Figure> {
        training_lengths(&dataset.cells).into_iter().filter_map(|train| figure(&dataset, train)).collect()
    };
    Chapter {
        title: "Learning curves",
        anchor: "curves",
        note:
            "Loss and validation score by epoch. Triplets and prototypes first train the embedding E alone, watched by \
               F(x), then the tagger G on frozen embeddings, watched by macro-F1; the classifier trains both together. \
               Thin lines are seeds, the thick line is their mean as long as all of them train; a single seed is a thick \
               line. Losses of E are of different kinds: only their shapes compare."
                .into(),
        figures: DatasetCells::all(study).flat_map(of_dataset).collect(),
    }
}

fn figure(dataset: &DatasetCells, train: f64) -> Option<Figure> {
    let cells: Vec<&CellResult> = dataset.cells.iter().copied().filter(|cell| cell.train_seconds == train).collect();
    let mut panels: Vec<Panel> = VIEWS.iter().filter_map(|view| panel(view, &cells)).collect();
    if panels.is_empty() {
        return None;
    }
    panels.push(method_legend(&cells.iter().map(|cell| cell.method).collect::<Vec<Method>>()));
    let words: Vec<String> = cells.iter().map(|cell| sentence(cell)).collect();
    let alt = format!("Lines of training loss and validation score by epoch. {}", words.join(" "));
    let name = format!("{}-train-{}", dataset.name("curves"), stem(train));
    Some(draw(name, "Learning curves", &within(dataset, &format!("trained on {train} s")), alt, panels))
}

/// Returns the values of `view`, `[seed][epoch]`.
fn series(view: &View, cell: &CellResult) -> Vec<Vec<f64>> {
    let of_view = |point: &&CurvePoint| view.stages.contains(&point.stage);
    cell.curves.iter().map(|seed| seed.iter().filter(of_view).map(view.value).collect()).collect()
}

fn panel(view: &View, cells: &[&CellResult]) -> Option<Panel> {
    let mut curves = Vec::new();
    for cell in cells {
        let seeds = series(view, cell);
        let colour = of_method(cell.method);
        let curve = |width: f64, values: Vec<f64>| {
            let points = values.into_iter().enumerate().map(|(epoch, value)| [epoch as f64, value]);
            Curve {
                colour,
                width,
                dots: false,
                faint: false,
                points: points.filter(|[_, value]| value.is_finite()).collect(),
            }
        };
        let shared = seeds.iter().map(Vec::len).min().unwrap_or(0);
        let means = (0..shared).map(|epoch| mean(&seeds.iter().map(|seed| seed[epoch]).collect::<Vec<_>>())).collect();
        if seeds.len() > 1 {
            curves.extend(seeds.into_iter().map(|seed| curve(0.6, seed)));
        }
        curves.push(curve(2.0, means));
    }
    curves.retain(|curve| !curve.points.is_empty());
    let end = |axis: usize| curves.iter().flat_map(|curve| &curve.points).map(|point| point[axis]).fold(0.0, f64::max);
    let y_end = if view.percent { (end(1) / 20.0).ceil().max(1.0) * 20.0 } else { (end(1) * 1.05).max(1e-6) };
    let axes = Axes { x_label: "epoch".into(), x_end: end(0).max(1.0), y_end, notes: Vec::new() };
    (!curves.is_empty()).then(|| Panel::curves(view.heading, HEIGHT, &axes, &curves))
}

fn sentence(cell: &CellResult) -> String {
    let epochs = |view: &View| -> Vec<f64> { series(view, cell).iter().map(|seed| seed.len() as f64).collect() };
    let tagging = if cell.method == Method::Classifier { "embedding and tagger together" } else { "the tagger" };
    let stages: Vec<String> = [(&VIEWS[1], "the embedding"), (&VIEWS[3], tagging)]
        .into_iter()
        .filter(|(view, _)| epochs(view).iter().any(|n| *n > 0.0))
        .map(|(view, what)| format!("{:.0} epochs of {what}", mean(&epochs(view))))
        .collect();
    let (best, over) = (mean(&cell.best), if cell.seeds.len() > 1 { " (means over seeds)" } else { "" });
    format!("{}: {}, best validation macro-F1 {best:.1} %{over}.", cell.method.name(), stages.join(", "))
}
