//! Confusion matrices of the nearest class centroid: classes that an embedding confuses.

use super::{by_method, class_name, within};
use crate::config::Method;
use crate::evaluate::Quality;
use crate::experiments::report::page::canvas::{Anchor, Panel, WIDTH, draw};
use crate::experiments::report::page::palette::{INK, MUTED};
use crate::experiments::report::page::{Chapter, Figure};
use crate::experiments::report::study::data::StudyData;
use crate::experiments::report::study::dataset_cells::DatasetCells;
use crate::experiments::study::CellResult;

const LABELS: f64 = 172.0;
const ROW: f64 = 17.0;
/// Narrowest cell with a number, in pixels; in narrower ones the numbers would overlap.
const NARROWEST: f64 = 12.0;

/// Makes one figure per dataset and method.
pub fn chapter(study: &StudyData) -> Chapter {
    let of_dataset = |dataset: DatasetCells| -> Vec<Figure> {
        let of_methods = by_method(&dataset).into_iter();
        of_methods.filter_map(|(method, cells)| figure(&dataset, method, &cells)).collect()
    };
    Chapter {
        title: "What is taken for what",
        anchor: "confusion",
        note:
            "Test segments as long as the training segments, of the first seed, by the class of their longest event \
               (rows) and by the class whose mean over the training set is nearest to their embedding (columns, numbered as the rows). \
               The shade is the share of the row. 0 is not written, and no number where there are too many classes."
                .into(),
        figures: DatasetCells::all(study).flat_map(of_dataset).collect(),
    }
}

/// Returns the quality of the first seed's embedding on test segments as long as the training segments.
pub fn first_quality(cell: &CellResult) -> Option<&Quality> {
    cell.quality.first()?.get(cell.test_length(cell.train_seconds)?)
}

fn figure(dataset: &DatasetCells, method: Method, cells: &[&CellResult]) -> Option<Figure> {
    let (mut panels, mut words) = (Vec::new(), Vec::new());
    for cell in cells {
        let Some(quality) = first_quality(cell).filter(|quality| !quality.confusion.is_empty()) else { continue };
        panels.push(panel(cell, quality));
        words.push(sentence(cell, quality));
    }
    let alt = format!("Confusion matrices, seed {}. {}", cells[0].seeds[0], words.join(" "));
    let name = format!("{}-{}", dataset.name("confusion"), method.name());
    (!panels.is_empty()).then(|| draw(name, "Nearest class means", &within(dataset, method.name()), alt, panels))
}

fn panel(cell: &CellResult, quality: &Quality) -> Panel {
    let n = quality.confusion.len() as f64;
    let heading = format!("trained on {} s: F(x) {:.1} %", cell.train_seconds, quality.f);
    let mut panel = Panel::new(&heading, ROW * (n + 1.0));
    let width = (WIDTH - LABELS) / n;
    let legible = width >= NARROWEST;
    for (row, counts) in quality.confusion.iter().enumerate() {
        let y = ROW * (row as f64 + 1.0);
        let number = (row + 1).to_string();
        if legible {
            panel.text([LABELS + (row as f64 + 0.5) * width, ROW - 5.0], &number, Anchor::Middle, MUTED);
        }
        let name = class_name(cell, row);
        panel.text([LABELS - 6.0, y + ROW / 2.0 + 3.6], &format!("{name} {number}"), Anchor::End, INK);
        let all = counts.iter().sum::<u32>().max(1);
        for (column, count) in counts.iter().enumerate() {
            let text = if legible && *count > 0 { count.to_string() } else { String::new() };
            let corner = [LABELS + column as f64 * width, y];
            panel.cell(corner, [width, ROW], f64::from(*count) / f64::from(all), &text, false);
        }
    }
    panel
}

/// Describes the share that is right, and the pair that is confused most often.
fn sentence(cell: &CellResult, quality: &Quality) -> String {
    let matrix = &quality.confusion;
    let all: u32 = matrix.iter().flatten().sum();
    let right: u32 = matrix.iter().enumerate().filter_map(|(class, row)| row.get(class)).sum();
    let pairs =
        matrix.iter().enumerate().flat_map(|(class, row)| row.iter().enumerate().map(move |(to, n)| (n, class, to)));
    let wrong = pairs.filter(|(n, class, to)| class != to && **n > 0).max_by(|a, b| a.0.cmp(b.0).then(b.1.cmp(&a.1)));
    let worst = wrong.map_or_else(String::new, |(n, class, to)| {
        format!("; most often {} is taken for {}, {n} times", class_name(cell, class), class_name(cell, to))
    });
    format!("Trained on {} s: {right} of {all} segments are nearest to their own class{worst}.", cell.train_seconds)
}
