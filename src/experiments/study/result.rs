//! The result of a cell, as its file keeps it.

use serde::{Deserialize, Serialize};

use crate::config::{Method, Variant};
use crate::evaluate::Quality;
use crate::kernels::score::class_mean;
use crate::output::{CurvePoint, SeedSummary};

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
    /// F1 in %, `[seed][test length][class]`; none for a class without an evaluation clip.
    pub f1: Vec<Vec<Vec<Option<f64>>>>,
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

    /// Returns the index of the test length of `seconds`, if there is one.
    pub fn test_length(&self, seconds: f64) -> Option<usize> {
        self.seconds.iter().position(|length| *length == seconds)
    }

    /// Returns the mean of F1 over the classes with a clip on test length `length`, over seeds, in %.
    pub fn macro_f1(&self, length: usize) -> SeedSummary {
        SeedSummary::new(self.f1.iter().map(|seed| class_mean(seed[length].iter().copied())).collect())
    }

    /// Returns F1 of `class` on test length `length`, over seeds, in %; `None` for a class without a clip.
    pub fn class_f1(&self, length: usize, class: usize) -> Option<SeedSummary> {
        SeedSummary::of(self.f1.iter().map(|seed| seed[length][class]))
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
