//! Made-up studies for tests: small, complete in every field, and the same each time.

use super::data::{Plan, StudyData};
use super::paper;
use crate::config::{Method, Variant};
use crate::experiments::study::CellResult;

pub use crate::experiments::study::example::cell;

/// Makes a plan of cells with five seeds that are tested on the paper's lengths.
pub fn plan(variants: &[Variant], methods: &[Method], train_seconds: &[f64]) -> Plan {
    Plan {
        variants: variants.to_vec(),
        methods: methods.to_vec(),
        train_seconds: train_seconds.to_vec(),
        test_seconds: paper::SECONDS.to_vec(),
        seeds: 5,
    }
}

/// Makes a study in which `cells` of the paper's eighteen are finished.
pub fn study(cells: Vec<CellResult>) -> StudyData {
    StudyData {
        title: "A made-up study".into(),
        classes: vec!["Cat".into(), "Running_water".into()],
        durations: vec![vec![0.3, 0.5, 0.8, 0.9], vec![4.0, 7.5, 9.0, 10.0]],
        durations_of: Variant::Waa,
        clips: [80, 20, 40],
        soundbank: "nowhere".into(),
        plan: plan(&paper::VARIANTS, &Method::all(), &paper::SECONDS),
        short_s: 1.0,
        cells,
    }
}

/// Makes a study of all eighteen cells with five seeds. Scores spread by up to half a point around the paper's means,
/// but not below 0.
pub fn like_the_paper() -> StudyData {
    let mut cells = Vec::new();
    for variant in paper::VARIANTS {
        for method in Method::all() {
            for train in paper::SECONDS {
                let f1 = |seed: u64, test: f64| {
                    let (mean, _) = paper::score(variant, method, train, test).unwrap();
                    let spread = seed * (18.0 + 10.0 * train + 30.0 * test).round() as u64 % 7;
                    (mean + spread as f64 / 6.0 - 0.5).max(0.0)
                };
                cells.push(cell(variant, method, train, &[1, 2, 3, 4, 5], &f1));
            }
        }
    }
    study(cells)
}
