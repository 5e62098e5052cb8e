//! The finished cells of one dataset, which its tables and figures show.

use super::data::StudyData;
use super::paper;
use crate::config::{Method, Variant};
use crate::experiments::study::CellResult;

/// The finished cells of one dataset.
pub(super) struct DatasetCells<'a> {
    pub study: &'a StudyData,
    pub variant: Variant,
    /// Finished cells with at least one seed, by method in the paper's order, then by training length.
    pub cells: Vec<&'a CellResult>,
    /// Lengths of the test segments in seconds, ascending.
    pub tests: Vec<f64>,
}

impl<'a> DatasetCells<'a> {
    /// Returns the datasets with a finished cell, in the order of the paper's tables.
    pub fn all(study: &'a StudyData) -> impl Iterator<Item = Self> {
        paper::VARIANTS.into_iter().filter_map(|variant| Self::of(study, variant))
    }

    fn of(study: &'a StudyData, variant: Variant) -> Option<Self> {
        let mut cells: Vec<_> = study.cells.iter().filter(|c| c.variant == variant && !c.seeds.is_empty()).collect();
        let order = |cell: &CellResult| Method::all().iter().position(|method| *method == cell.method);
        cells.sort_by(|a, b| order(a).cmp(&order(b)).then(a.train_seconds.total_cmp(&b.train_seconds)));
        let tests = ascending(cells.iter().flat_map(|cell| cell.seconds.iter().copied()));
        (!cells.is_empty()).then_some(Self { study, variant, cells, tests })
    }

    /// Returns the cell of this method and training length, if it is finished.
    pub fn cell(&self, method: Method, train_seconds: f64) -> Option<&'a CellResult> {
        self.cells.iter().copied().find(|cell| cell.method == method && cell.train_seconds == train_seconds)
    }

    /// Returns `stem-200ms` or `stem-waa`.
    pub fn name(&self, stem: &str) -> String {
        format!("{stem}-{}", self.variant.name())
    }

    /// Describes the scores of these cells as [`StudyData::over_seeds`] does.
    pub fn over_seeds(&self) -> String {
        StudyData::over_seeds(self.cells.iter().copied())
    }
}

/// Returns the different `lengths`, ascending.
pub(super) fn ascending(lengths: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut lengths: Vec<f64> = lengths.into_iter().collect();
    lengths.sort_by(f64::total_cmp);
    lengths.dedup();
    lengths
}
