//! What a study's report is made of.

use serde::{Deserialize, Serialize};

use crate::config::{Config, Method, Variant};
use crate::evaluate::Quality;
use crate::report::{CurvePoint, SeedSummary};

/// All seeds of one cell: one dataset, method and training length.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CellResult {
    /// The dataset.
    pub variant: Variant,
    /// The method.
    pub method: Method,
    /// Length of the training segments in seconds.
    pub train_seconds: f64,
    /// The seed of each model.
    pub seeds: Vec<u64>,
    /// Class names, sorted.
    pub classes: Vec<String>,
    /// Lengths of the test segments in seconds.
    pub seconds: Vec<f64>,
    /// F1 in %, `[seed][test length][class]`.
    pub f1: Vec<Vec<Vec<f64>>>,
    /// The epochs of each seed's training, in order.
    pub curves: Vec<Vec<CurvePoint>>,
    /// Each seed's best validation score in its last stage, in %.
    pub best: Vec<f64>,
    /// Quality of the embedding, `[seed][test length]`.
    pub quality: Vec<Vec<Quality>>,
    /// The scores of short and of long events.
    pub groups: Vec<Group>,
    /// The scores by the share of the segment that its event covers, `[test length][bin]`.
    pub coverage: Vec<Vec<CoverageBin>>,
    /// Embeddings of the evaluation segments of the training length, first seed, `[segment][dimension]`.
    pub points: Vec<Vec<f32>>,
    /// The dominant class of each of them; one past the last class where there is none.
    pub point_labels: Vec<usize>,
    /// Time of training and judging in seconds, over all pieces of a training that was interrupted.
    pub seconds_taken: f64,
    /// The adapter's name.
    pub adapter: String,
    /// Fingerprint of the data.
    pub data: String,
}

impl CellResult {
    /// Whether there is a value for every seed, test length and class that the result names, as the report takes for
    /// granted. A file that somebody edited may lack some.
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

    /// The mean of F1 over classes on test length `length`, over seeds, in %.
    pub fn macro_f1(&self, length: usize) -> SeedSummary {
        let mean = |f1: &[f64]| f1.iter().sum::<f64>() / f1.len() as f64;
        SeedSummary::new(self.f1.iter().map(|seed| mean(&seed[length])).collect())
    }

    /// F1 of `class` on test length `length`, over seeds, in %.
    pub fn class_f1(&self, length: usize, class: usize) -> SeedSummary {
        SeedSummary::new(self.f1.iter().map(|seed| seed[length][class]).collect())
    }
}

/// Macro-F1 over the segments whose event is short, or long. Classes without such a segment do not count.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// "short" or "long".
    pub name: String,
    /// Segments.
    pub clips: usize,
    /// In %, `[seed][test length]`.
    pub f1: Vec<Vec<f64>>,
}

impl Group {
    /// A group without scores yet, of `seeds` models.
    pub fn new(name: &str, seeds: usize) -> Self {
        Self { name: name.into(), clips: 0, f1: vec![Vec::new(); seeds] }
    }
}

/// Macro-F1 over the segments that their event covers by more than `low` and at most `high`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CoverageBin {
    /// Lower bound of the share, excluded unless it is 0.
    pub low: f64,
    /// Upper bound, included.
    pub high: f64,
    /// Segments.
    pub clips: usize,
    /// In %, of each seed.
    pub f1: Vec<f64>,
}

/// What a study is to have in the end: a cell for every dataset, method and training length.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The datasets.
    pub variants: Vec<Variant>,
    /// The methods.
    pub methods: Vec<Method>,
    /// Lengths of the training segments in seconds.
    pub train_seconds: Vec<f64>,
    /// Lengths of the test segments of every cell in seconds.
    pub test_seconds: Vec<f64>,
    /// Seeds of every cell.
    pub seeds: usize,
}

impl Plan {
    /// The plan of the study of `config`.
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

    /// The number of cells.
    pub fn cells(&self) -> usize {
        self.variants.len() * self.methods.len() * self.train_seconds.len()
    }
}

/// A study as far as it is finished.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StudyData {
    /// What the report is called.
    pub title: String,
    /// Class names, sorted.
    pub classes: Vec<String>,
    /// Durations in seconds of each training clip's longest event, `[class][event]`.
    pub durations: Vec<Vec<f64>>,
    /// The dataset of these events.
    pub durations_of: Variant,
    /// Clips of training, validation and evaluation.
    pub clips: [usize; 3],
    /// Where the sounds are from.
    pub soundbank: String,
    /// What the study is to have in the end.
    pub plan: Plan,
    /// Events up to this many seconds are the short ones.
    pub short_s: f64,
    /// The cells that are finished, in the order of the study.
    pub cells: Vec<CellResult>,
}

impl StudyData {
    /// Whether every cell of the plan is finished.
    pub fn is_finished(&self) -> bool {
        self.cells.len() >= self.plan.cells()
    }

    /// What a score of `cells` is: "mean ± sample standard deviation over 5 seeds", or what a single seed has.
    pub(super) fn over_seeds<'a>(cells: impl IntoIterator<Item = &'a CellResult>) -> String {
        let counts: Vec<usize> = cells.into_iter().map(|cell| cell.seeds.len()).collect();
        match (counts.iter().min().copied().unwrap_or(0), counts.iter().max().copied().unwrap_or(0)) {
            (_, 0 | 1) => "a single seed".into(),
            (least, most) if least == most => format!("mean ± sample standard deviation over {most} seeds"),
            (least, most) => format!("mean ± sample standard deviation over {least} to {most} seeds"),
        }
    }
}
