//! Figures of a study's report, each as SVG and PNG with a text alternative.
//!
//! In: a study ([`StudyData`]). Out: chapters of figures in the order of the report. Every figure is one column of
//! panels that fits a phone. A dataset, method or length without a finished cell has no figure.

mod confusion;
mod coverage;
mod curves;
mod durations;
mod embedding;
mod overview;

use rayon::prelude::*;

use super::data::StudyData;
use super::dataset_cells::{DatasetCells, ascending};
use super::paper;
use crate::config::Method;
use crate::experiments::report::page::Chapter;
use crate::experiments::report::page::canvas::{Mark, Panel};
use crate::experiments::report::page::palette::{CLASSES, Colour, METHODS};
use crate::experiments::report::page::words::short;
use crate::experiments::study::CellResult;

/// Makes all figures of `study`, in chapters. The same study gives the same bytes.
pub fn chapters(study: &StudyData) -> Vec<Chapter> {
    let makers: [fn(&StudyData) -> Chapter; 6] = [
        overview::chapter,
        coverage::chapter,
        confusion::chapter,
        embedding::chapter,
        curves::chapter,
        durations::chapter,
    ];
    let chapters: Vec<Chapter> = makers.par_iter().map(|maker| maker(study)).collect();
    chapters.into_iter().filter(|chapter| !chapter.figures.is_empty()).collect()
}

/// Returns the training lengths of `cells`, ascending.
fn training_lengths(cells: &[&CellResult]) -> Vec<f64> {
    ascending(cells.iter().map(|cell| cell.train_seconds))
}

/// Returns the finished cells of every method that has any, in the paper's order.
fn by_method<'a>(dataset: &DatasetCells<'a>) -> Vec<(Method, Vec<&'a CellResult>)> {
    let cells = |method| dataset.cells.iter().copied().filter(|cell| cell.method == method).collect::<Vec<_>>();
    let of_methods = Method::all().into_iter().map(|method| (method, cells(method)));
    of_methods.filter(|(_, cells)| !cells.is_empty()).collect()
}

/// Describes the subject `of` of a figure in `dataset`.
fn within(dataset: &DatasetCells, of: &str) -> String {
    format!("{}, {of}", paper::dataset(dataset.variant))
}

/// Turns a length in seconds into a part of a file name.
fn stem(seconds: f64) -> String {
    format!("{seconds}s").replace('.', "_")
}

/// Returns the colour of the curves of `method`.
fn of_method(method: Method) -> Colour {
    let place = Method::all().iter().position(|other| *other == method);
    METHODS[place.expect("one of all")]
}

/// Returns the mark of a class's points. Classes of one colour differ in shape.
fn of_class(class: usize) -> Mark {
    Mark { colour: CLASSES[class % CLASSES.len()], shape: (class + class / CLASSES.len()) % 4 }
}

/// Makes a legend of `methods`.
fn method_legend(methods: &[Method]) -> Panel {
    let entries: Vec<_> = methods.iter().map(|m| (m.name().into(), Mark { colour: of_method(*m), shape: 0 })).collect();
    Panel::legend(&entries, 3)
}

/// Returns the name of a class, shortened to fit.
fn class_name(cell: &CellResult, class: usize) -> String {
    cell.classes.get(class).map_or_else(String::new, |name| short(name))
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::example;
    use super::*;
    use crate::config::Variant;

    fn names(study: &StudyData) -> Vec<String> {
        chapters(study).into_iter().flat_map(|chapter| chapter.figures).map(|figure| figure.name).collect()
    }

    #[test]
    fn a_whole_study_has_every_figure_once() {
        let names = names(&example::like_the_paper());
        let stems = ["overview-200ms", "overview-waa", "confusion-waa-triplets", "embedding-200ms-classifier"];
        for stem in stems.into_iter().chain(["coverage-waa-test-1s", "curves-200ms-train-0_2s", "durations"]) {
            assert!(names.iter().any(|name| name == stem), "{stem}: {names:?}");
        }
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        assert!(names.iter().all(|name| name.chars().all(plain)), "{names:?}");
    }

    #[test]
    fn what_is_not_finished_has_no_figure() {
        assert_eq!(names(&example::study(Vec::new())), ["durations"]);
        let cell = example::cell(Variant::Waa, Method::Triplets, 1.0, &[7], &|_, test| 10.0 + test);
        let one = names(&example::study(vec![cell.clone()]));
        assert_eq!(
            one,
            [
                "overview-waa",
                "coverage-waa-test-1s",
                "confusion-waa-triplets",
                "embedding-waa-triplets",
                "curves-waa-train-1s",
                "durations"
            ]
        );
        let mut bare = cell;
        (bare.curves, bare.quality, bare.coverage) = (vec![Vec::new()], Vec::new(), Vec::new());
        (bare.points, bare.point_labels) = (Vec::new(), Vec::new());
        let mut study = example::study(vec![bare]);
        study.durations.iter_mut().for_each(Vec::clear);
        assert_eq!(names(&study), ["overview-waa"]);
    }

    #[test]
    fn values_that_are_not_finite_do_no_harm() {
        let mut cell = example::cell(Variant::Waa, Method::Triplets, 1.0, &[1, 2], &|_, _| 0.0);
        cell.points[0][0] = f32::NAN;
        cell.curves[0][1].loss = f64::INFINITY;
        cell.curves[1][2].score = f64::NAN;
        cell.quality[0][1].silhouette = f64::NAN;
        for figure in chapters(&example::study(vec![cell])).iter().flat_map(|chapter| &chapter.figures) {
            let (_, shapes) = figure.svg.split_once("</desc>").unwrap();
            assert!(!shapes.contains("NaN") && !shapes.contains("inf"), "{}: {shapes}", figure.name);
        }
    }

    #[test]
    fn figures_do_not_depend_on_the_number_of_threads() {
        let study = example::like_the_paper();
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| chapters(&study))
        };
        assert!(with(1) == with(4));
    }

    #[test]
    fn text_alternatives_have_the_numbers() {
        let cell = example::cell(Variant::Waa, Method::Triplets, 1.0, &[7], &|_, test| 10.0 + test);
        let chapters = chapters(&example::study(vec![cell]));
        let alt = |name: &str| {
            let mut figures = chapters.iter().flat_map(|chapter| &chapter.figures);
            figures.find(|figure| figure.name.starts_with(name)).unwrap().alt.clone()
        };
        assert_eq!(
            alt("overview"),
            "Heat maps of macro-F1 in %, WAA1. triplets: trained on 1 s 10.2 on 0.2 s, 11.0 on 1 s, 20.0 on 10 s; \
             best trained on 1 s and tested on 10 s."
        );
        let coverage =
            "triplets trained on 1 s: 11.0 where it covers 0 to 50 % (n 30), 11.0 where it covers 50 to 100 % (n 10).";
        assert!(alt("coverage").contains(coverage), "{}", alt("coverage"));
        assert!(alt("confusion").contains(
            "31 of 40 segments are nearest to their own class; most often Cat is taken for Running_water, 5 times."
        ));
        assert!(alt("embedding").contains("Trained on 1 s: silhouette -0.140, 11.0 % nearest to the mean"));
        assert!(
            alt("curves").contains(
                "triplets: 5 epochs of the embedding, 5 epochs of the tagger, best validation macro-F1 11.0 %."
            )
        );
        assert!(alt("durations").contains("Running_water: 4 events, median 8.25 s."));
    }

    #[test]
    fn a_point_of_few_segments_is_pale_and_says_how_many_there_are() {
        let with = |clips: [usize; 2]| {
            let mut cell = example::cell(Variant::Waa, Method::Triplets, 1.0, &[7], &|_, test| 10.0 + test);
            cell.coverage[1].iter_mut().zip(clips).for_each(|(bin, clips)| bin.clips = clips);
            let chapters = chapters(&example::study(vec![cell]));
            let coverage = chapters.into_iter().find(|chapter| chapter.anchor == "coverage").unwrap();
            let (_, shapes) = coverage.figures[0].svg.split_once("</desc>").unwrap();
            assert!(
                shapes.contains(&format!(">n {}<", clips[0])) && shapes.contains(&format!(">{}<", clips[1])),
                "{shapes}"
            );
            shapes.matches("stroke-dasharray").count()
        };
        assert_eq!([[1, 400], [29, 29], [30, 400]].map(with), [1, 1, 0]);
    }

    #[test]
    fn many_classes_have_a_matrix_without_numbers() {
        let mut cell = example::cell(Variant::Waa, Method::Triplets, 1.0, &[1], &|_, _| 0.0);
        cell.quality[0][1].confusion = vec![vec![77; 30]; 30];
        let chapters = chapters(&example::study(vec![cell]));
        let confusion = chapters.iter().find(|chapter| chapter.anchor == "confusion").unwrap();
        let (_, shapes) = confusion.figures[0].svg.split_once("</desc>").unwrap();
        assert!(!shapes.contains(">77<") && shapes.matches("<rect").count() > 900, "{shapes}");
    }
}
