//! A training by epoch, as reports show it.

use serde::{Deserialize, Serialize};

/// One epoch of one seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// "classifier", "triplets", "prototypes" or "tagger": what was trained.
    pub stage: String,
    /// Epoch of the stage, counted from 0.
    pub epoch: usize,
    /// Mean training loss.
    pub loss: f64,
    /// Validation score in %: macro-F1, or F(x) while E trains alone.
    pub score: f64,
}
