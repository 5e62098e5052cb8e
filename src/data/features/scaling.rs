//! The standardisation of features that come from a file.

use super::statistics::Statistics;
use crate::Result;
use crate::config::Precision;
use crate::gpu::{Gpu, Tensor};
use crate::kernels::standardise::Standardise;

/// The standardisation of features that come from a file.
#[derive(Debug, Clone, Copy)]
pub struct Scaling<'a> {
    /// Mean and deviation of each band.
    pub statistics: &'a Statistics,
    /// The key `features.epsilon`.
    pub epsilon: f64,
    /// Format to whose numbers the results are rounded.
    pub precision: Precision,
}

impl Scaling<'_> {
    /// Returns the kernel that standardises `features` in place.
    pub(super) fn kernel(&self, gpu: &Gpu, features: &Tensor<f32>) -> Result<Standardise> {
        let Statistics { mean, std } = self.statistics;
        let kernel = Standardise::new(gpu, features, mean, std, self.epsilon)?;
        Ok(Standardise { precision: self.precision, ..kernel })
    }
}
