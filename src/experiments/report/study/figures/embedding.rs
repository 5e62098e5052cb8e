//! Embeddings of test segments, laid out in two dimensions by t-SNE.

use rayon::prelude::*;

use super::confusion::first_quality;
use super::{by_method, of_class, within};
use crate::base::counter_rng::Key;
use crate::config::Method;
use crate::experiments::report::page::canvas::{Panel, WIDTH, draw};
use crate::experiments::report::page::words::short;
use crate::experiments::report::page::{Chapter, Figure};
use crate::experiments::report::study::data::StudyData;
use crate::experiments::report::study::dataset_cells::DatasetCells;
use crate::experiments::report::study::tsne::tsne;
use crate::experiments::study::CellResult;

/// Largest number of segments that are laid out, evenly chosen: the time grows with the square of the number.
const POINTS: usize = 400;
const HEIGHT: f64 = 250.0;
const BORDER: f64 = 12.0;

/// Makes one figure per dataset and method.
pub fn chapter(study: &StudyData) -> Chapter {
    let of_methods: Vec<_> = DatasetCells::all(study).flat_map(|dataset| tasks(&dataset)).collect();
    Chapter {
        title: "The embeddings",
        anchor: "embeddings",
        note: format!(
            "Embeddings of test segments as long as the training segments, of the first seed, laid out by t-SNE: \
             neighbours here are neighbours there, while distances between groups, and the axes, mean nothing. Of more \
             than {POINTS} segments, {POINTS} are taken evenly; those without an event are left out. The start of the \
             layout is drawn from the seed."
        ),
        figures: of_methods
            .into_par_iter()
            .filter_map(|(name, subject, cells)| figure(name, &subject, &cells))
            .collect(),
    }
}

/// Returns name, subject and cells of every figure of `dataset`.
fn tasks<'a>(dataset: &DatasetCells<'a>) -> Vec<(String, String, Vec<&'a CellResult>)> {
    let name = |method: Method| format!("{}-{}", dataset.name("embedding"), method.name());
    let task = |(method, cells): (Method, _)| (name(method), within(dataset, method.name()), cells);
    by_method(dataset).into_iter().map(task).collect()
}

fn figure(name: String, subject: &str, cells: &[&CellResult]) -> Option<Figure> {
    let cells: Vec<&&CellResult> = cells.iter().filter(|cell| !cell.points.is_empty()).collect();
    let mut panels: Vec<Panel> = cells.par_iter().map(|cell| panel(cell)).collect();
    let classes = &cells.first()?.classes;
    let entries: Vec<(String, _)> =
        classes.iter().enumerate().map(|(class, name)| (short(name), of_class(class))).collect();
    panels.push(Panel::legend(&entries, 2));
    let words: Vec<String> = cells.iter().map(|cell| sentence(cell)).collect();
    let alt =
        format!("Scatter plots of embeddings, coloured by class, seed {}. {}", cells[0].seeds[0], words.join(" "));
    Some(draw(name, "t-SNE of embeddings", subject, alt, panels))
}

fn panel(cell: &CellResult) -> Panel {
    let classes = cell.classes.len();
    let drawn = |(point, label): &(&Vec<f32>, &usize)| **label < classes && point.iter().all(|x| x.is_finite());
    let segments: Vec<_> = cell.points.iter().zip(&cell.point_labels).filter(drawn).collect();
    let shown = segments.len().min(POINTS);
    let segments: Vec<_> = (0..shown).map(|i| segments[i * segments.len() / shown]).collect();
    let points: Vec<&[f32]> = segments.iter().map(|(point, _)| point.as_slice()).collect();
    let places = within_frame(&tsne(&points, Key::new(cell.seeds[0]).named("t-SNE")));
    let what = if shown == 0 {
        "no segment with an event and a finite embedding".to_owned()
    } else if shown > 1 && places.iter().all(|place| *place == places[0]) {
        format!("all {shown} at one point")
    } else {
        format!("{shown} segments")
    };
    let mut panel = Panel::new(&format!("trained on {} s: {what}", cell.train_seconds), HEIGHT);
    panel.frame(HEIGHT);
    for class in 0..classes {
        let of_class_places: Vec<[f64; 2]> =
            segments.iter().zip(&places).filter(|((_, label), _)| **label == class).map(|(_, place)| *place).collect();
        panel.marks(&of_class_places, of_class(class), 3.2, 0.8);
    }
    panel
}

/// Moves and scales `places`, by the same factor along both axes, to fill the frame.
fn within_frame(places: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let bounds = [0, 1].map(|axis| {
        let along = || places.iter().map(|place| place[axis]);
        (along().fold(f64::INFINITY, f64::min), along().fold(f64::NEG_INFINITY, f64::max))
    });
    let size = [WIDTH, HEIGHT];
    let scale = [0, 1].map(|axis| (size[axis] - 2.0 * BORDER) / (bounds[axis].1 - bounds[axis].0).max(1e-9));
    let scale = scale[0].min(scale[1]);
    let middle = [0, 1].map(|axis| f64::midpoint(bounds[axis].0, bounds[axis].1));
    places.iter().map(|place| [0, 1].map(|axis| size[axis] / 2.0 + scale * (place[axis] - middle[axis]))).collect()
}

fn sentence(cell: &CellResult) -> String {
    let quality = first_quality(cell).map_or_else(String::new, |quality| {
        format!(": silhouette {:.3}, {:.1} % nearest to the mean of their own class", quality.silhouette, quality.f)
    });
    format!("Trained on {} s{quality}.", cell.train_seconds)
}
