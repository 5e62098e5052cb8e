//! The study of the paper (SPEC §7): every dataset, method and training length trained over several seeds, every model
//! judged at every test length. It can be killed at any moment and goes on where it was.
//!
//! In: a configuration with its `[study]` grid. Out: a folder with a run for each cell, and the report.

mod cell;
mod drawn;
mod estimate;
mod features;
mod folder;
mod plan;

pub use cell::{Context, TrainedCell, evaluate_cell, run_cell};
pub use drawn::{CellSteps, drawn, log_left_out};
pub use estimate::{Estimate, estimates};
pub use features::StudyFeatures;
pub use folder::{Events, StudyDir};
pub use plan::{Cell, Only, cells, fast};
