//! Data of a study's report.

use serde::{Deserialize, Serialize};

use crate::config::{Config, Method, Variant};
use crate::evaluate::Quality;
use crate::report::{CurvePoint, SeedSummary};

/// The result of a cell, that is, of all seeds of one dataset, method and training length.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CellResult {
    /// Dataset of the cell.
    pub variant: Variant,
    /// Training method of the cell.
    pub method: Method,
    /// Length of the training segments in seconds.
    pub train_seconds: f64,
    /// Seed of each model.
    pub seeds: Vec<u64>,
    /// Class names, sorted.
    pub classes: Vec<String>,
    /// Lengths of the test segments in seconds.
    pub seconds: Vec<f64>,
    /// F1 in %, `[seed][test length][class]`.
    pub f1: Vec<Vec<Vec<f64>>>,
    /// Learning curves, `[seed][epoch]`.
    pub curves: Vec<Vec<CurvePoint>>,
    /// Best validation score in the last stage in %, `[seed]`.
    pub best: Vec<f64>,
    /// Quality of the embedding, `[seed][test length]`.
    pub quality: Vec<Vec<Quality>>,
    /// Scores of short and of long events.
    pub groups: Vec<Group>,
    /// Scores by the share of the segment that its event covers, `[test length][bin]`.
    pub coverage: Vec<Vec<CoverageBin>>,
    /// Embeddings of the evaluation segments of the training length by the first seed's model, `[segment][dimension]`.
    pub points: Vec<Vec<f32>>,
    /// Dominant class of each embedded segment; the number of classes where there is none.
    pub point_labels: Vec<usize>,
    /// Time of training and evaluation in seconds, including the time before interruptions.
    pub seconds_taken: f64,
    /// Name of the adapter.
    pub adapter: String,
    /// Fingerprint of the data.
    pub data: String,
}

impl CellResult {
    /// Whether the result has a value for every seed, test length and class that it names. The report relies on this,
    /// and an edited file may lack some.
    pub fn is_whole(&self) -> bool {
        let (seeds, lengths, classes) = (self.seeds.len(), self.seconds.len(), self.classes.len());
        let square = |matrix: &Vec<Vec<u32>>| matrix.len() == classes && matrix.iter().all(|row| row.len() == classes);
        seeds > 0
            && lengths > 0
            && classes > 0
            && self.f1.len() == seeds
            && self.f1.iter().all(|f1| f1.len() == lengths && f1.iter().all(|f1| f1.len() == classes))
            && (self.curves.len(), self.best.len(), self.quality.len()) == (seeds, seeds, seeds)
            && self.quality.iter().all(|of| of.len() == lengths && of.iter().all(|quality| square(&quality.confusion)))
            && self.groups.iter().all(|group| group.f1.len() == seeds && group.f1.iter().all(|f1| f1.len() == lengths))
            && self.coverage.len() == lengths
            && self.coverage.iter().flatten().all(|bin| bin.f1.len() == seeds)
            && (self.points.is_empty() || self.points.len() == self.point_labels.len())
            && self.points.windows(2).all(|rows| rows[0].len() == rows[1].len())
    }

    /// Returns the mean of F1 over classes on test length `length`, over seeds, in %.
    pub fn macro_f1(&self, length: usize) -> SeedSummary {
        let mean = |f1: &[f64]| f1.iter().sum::<f64>() / f1.len() as f64;
        SeedSummary::new(self.f1.iter().map(|seed| mean(&seed[length])).collect())
    }

    /// Returns F1 of `class` on test length `length`, over seeds, in %.
    pub fn class_f1(&self, length: usize, class: usize) -> SeedSummary {
        SeedSummary::new(self.f1.iter().map(|seed| seed[length][class]).collect())
    }
}

/// Macro-F1 over the segments whose longest event is short, or long. Classes without such a segment do not count.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// Name of the group, "short" or "long".
    pub name: String,
    /// Number of segments.
    pub clips: usize,
    /// Macro-F1 in %, `[seed][test length]`.
    pub f1: Vec<Vec<f64>>,
}

impl Group {
    /// Makes a group for `seeds` models, without scores yet.
    pub fn new(name: &str, seeds: usize) -> Self {
        Self { name: name.into(), clips: 0, f1: vec![Vec::new(); seeds] }
    }
}

/// Macro-F1 over the segments of which the longest event covers a share above `low` and at most `high`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CoverageBin {
    /// Lower bound of the share, excluded unless it is 0.
    pub low: f64,
    /// Upper bound, included.
    pub high: f64,
    /// Number of segments.
    pub clips: usize,
    /// Macro-F1 in %, `[seed]`.
    pub f1: Vec<f64>,
}

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
