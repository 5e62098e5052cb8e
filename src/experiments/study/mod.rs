//! The study of the paper (SPEC §7): trains every combination of dataset, method and training length with several
//! seeds, and evaluates every model at every test length. A killed study resumes where it stopped.
//!
//! In: a configuration with its `[study]` grid. Out: a folder with a run for each cell, and the report.

mod by_seed;
mod cell;
mod drawn;
mod estimate;
mod features;
mod folder;
mod plan;
mod result;

#[cfg(test)]
pub(super) mod example;

pub use cell::{Context, TrainedCell, evaluate_cell, run_cell};
pub use drawn::{CellSteps, drawn, log_left_out};
pub use estimate::{Estimate, estimates};
pub use features::StudyFeatures;
pub use folder::{Events, StudyDir};
pub use plan::{Cell, Only, cells, fast};
pub use result::{CellResult, CoverageBin, Group};
