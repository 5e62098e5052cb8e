//! Data of a study's report.

use serde::{Deserialize, Serialize};

use crate::config::{Config, Method, Variant};
use crate::experiments::study::CellResult;

/// The plan of a study: a cell for every dataset, method and training length.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Datasets of the study.
    pub variants: Vec<Variant>,
    /// Methods of the study.
    pub methods: Vec<Method>,
    /// Lengths of the training segments in seconds.
    pub train_seconds: Vec<f64>,
    /// Lengths of the test segments of every cell in seconds.
    pub test_seconds: Vec<f64>,
    /// Number of seeds of every cell.
    pub seeds: usize,
}

impl Plan {
    /// Returns the plan of the study of `config`.
    pub fn of(config: &Config) -> Self {
        let study = config.study.clone();
        Self {
            variants: study.variants,
            methods: study.methods,
            train_seconds: study.seconds,
            test_seconds: config.evaluate.seconds.clone(),
            seeds: study.seeds.len(),
        }
    }

    /// Returns the number of cells.
    pub fn cells(&self) -> usize {
        self.variants.len() * self.methods.len() * self.train_seconds.len()
    }
}

/// The finished part of a study.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StudyData {
    /// Title of the report.
    pub title: String,
    /// Class names, sorted.
    pub classes: Vec<String>,
    /// Durations in seconds of each training clip's longest event, `[class][event]`.
    pub durations: Vec<Vec<f64>>,
    /// Dataset of the events in `durations`.
    pub durations_of: Variant,
    /// Numbers of clips for training, validation and evaluation.
    pub clips: [usize; 3],
    /// Origin of the sounds.
    pub soundbank: String,
    /// Plan of the study.
    pub plan: Plan,
    /// Longest duration of a short event, in seconds.
    pub short_s: f64,
    /// Finished cells, in the order of the study.
    pub cells: Vec<CellResult>,
}

impl StudyData {
    /// Whether every cell of the plan is finished.
    pub fn is_finished(&self) -> bool {
        self.cells.len() >= self.plan.cells()
    }

    /// Describes the scores of `cells`: "mean ± sample standard deviation over 5 seeds", or "a single seed".
    pub(super) fn over_seeds<'a>(cells: impl IntoIterator<Item = &'a CellResult>) -> String {
        let counts: Vec<usize> = cells.into_iter().map(|cell| cell.seeds.len()).collect();
        match (counts.iter().min().copied().unwrap_or(0), counts.iter().max().copied().unwrap_or(0)) {
            (_, 0 | 1) => "a single seed".into(),
            (least, most) if least == most => format!("mean ± sample standard deviation over {most} seeds"),
            (least, most) => format!("mean ± sample standard deviation over {least} to {most} seeds"),
        }
    }
}
