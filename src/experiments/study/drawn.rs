//! The number of steps of a study's cells, computed from the labels of their clips alone.

use std::sync::Arc;

use super::Cell;
use crate::config::BatchSampling;
use crate::data::scenes::{Dataset, LeftOut, Subset};
use crate::evaluate::{SegmentLabels, SegmentSource};
use crate::train::Draws;
use crate::{Error, Result};

/// The labels of a cell's clips, and the resulting number of steps.
#[derive(Debug, Clone)]
pub struct CellSteps {
    /// Class names.
    pub classes: Vec<String>,
    /// Number of clips for training, validation and evaluation.
    pub clips: [usize; 3],
    /// Labels of the training segments.
    pub train: Arc<Vec<SegmentLabels>>,
    /// Number of steps of each stage.
    pub draws: Draws,
    /// Log messages about data that are not used.
    pub left_out: Vec<LeftOut>,
}

impl CellSteps {
    /// Returns the cost of `cell`, whose steps these are, in frames through E, to compare cells.
    pub fn cost(&self, cell: &Cell) -> u64 {
        self.draws.stages[0].1 * cell.frames_per_step(self.classes.len())
    }
}

/// Computes the steps of each of `cells`; cells of one dataset must be adjacent. If this succeeds, the study can start:
/// there are clips in every subset, and the batches of every cell can be balanced.
///
/// # Errors
/// [`Error::Config`] naming key and cell if batches cannot be balanced; errors of reading the data.
pub fn drawn(cells: &[&Cell]) -> Result<Vec<CellSteps>> {
    let mut found = Vec::with_capacity(cells.len());
    for cells in cells.chunk_by(|a, b| a.variant == b.variant) {
        let dataset = Dataset::of(&cells[0].config)?;
        dataset.need(&Subset::all())?;
        dataset.need_validation_labels()?;
        let mut lengths: Vec<f64> = cells.iter().map(|cell| cell.seconds).collect();
        lengths.dedup();
        let source = SegmentSource { dataset: &dataset, subset: Subset::Train, seconds: &lengths };
        let labels: Vec<_> = source.labels()?.into_iter().map(Arc::new).collect();
        let mut left_out = dataset.left_out(&Subset::all());
        left_out.extend(misnamed(cells[0], &dataset));
        for cell in cells {
            let length = lengths.iter().position(|length| *length == cell.seconds).unwrap_or(0);
            let train = Arc::clone(&labels[length]);
            let draws = Draws::new(&cell.config, &train, dataset.classes()).map_err(|error| of_cell(error, cell))?;
            let never_drawn = dataset.never_drawn().filter(|_| cell.config.train.sampling == BatchSampling::Paper);
            let missed_classes = dataset.missed_classes(train.iter().flat_map(|labels| labels.classes.iter().copied()));
            let missed = dataset
                .missed_labels(&cell.config, "study.seconds takes longer segments")?
                .into_iter()
                .chain(missed_classes);
            let left_out = left_out.iter().chain(&never_drawn).chain(&draws.left_out).cloned().chain(missed).collect();
            let (classes, clips) = (dataset.classes().to_vec(), Subset::all().map(|subset| dataset.len(subset)));
            found.push(CellSteps { classes, clips, train, draws, left_out });
        }
    }
    Ok(found)
}

/// Logs the messages about data that are not used, each once.
pub fn log_left_out(drawn: &[CellSteps]) {
    let mut said: Vec<&LeftOut> = Vec::new();
    for line in drawn.iter().flat_map(|drawn| &drawn.left_out) {
        if !said.contains(&line) {
            line.log();
            said.push(line);
        }
    }
}

/// Returns a warning about a folder that was generated as the other of the two datasets.
fn misnamed(cell: &Cell, dataset: &Dataset) -> Option<LeftOut> {
    let found = dataset.variant().filter(|found| *found != cell.variant)?;
    let (called, found) = (cell.variant.name(), found.name());
    let message = format!(
        "data.dataset was generated as {found}, and the study calls it {called}: --set 'study.variants=[\"{found}\"]' gives it \
         its name"
    );
    Some(LeftOut::warning(message))
}

fn of_cell(error: Error, cell: &Cell) -> Error {
    match error {
        Error::Config { origin, reason } => Error::config(origin, format!("cell {cell}: {reason}")),
        other => other,
    }
}
