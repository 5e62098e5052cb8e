//! Mean and deviation of every band, by which features are standardised (SPEC §1).

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Per-band statistics of a training set. A checkpoint stores them for every later use of the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    /// Mean over all frames of all examples, `[band]`.
    pub mean: Vec<f64>,
    /// Standard deviation, √variance with divisor n, without epsilon, `[band]`.
    pub std: Vec<f64>,
}

impl Statistics {
    /// Returns the statistics of `bands` bands that standardisation leaves as they are: mean 0 and deviation 1.
    pub fn identity(bands: usize) -> Self {
        Self { mean: vec![0.0; bands], std: vec![1.0; bands] }
    }

    /// Returns the statistics, if a model can be trained with them.
    ///
    /// # Errors
    /// [`Error::Data`] naming a band that has the same value in every frame. Its deviation is 0, so standardisation
    /// would multiply any other value in the band by a hundred million.
    pub fn checked(self) -> Result<Self> {
        let constant: Vec<usize> = (0..self.std.len()).filter(|band| self.std[*band] == 0.0).collect();
        let Some(first) = constant.first() else { return Ok(self) };
        let reason = format!(
            "{} of {} mel bands, band {first} first, have the same value in every frame, as where recordings hold nothing \
             beyond some frequency: choose features.low_hz and features.high_hz within what they hold",
            constant.len(),
            self.std.len(),
        );
        Err(Error::data("the training clips", reason))
    }
}
