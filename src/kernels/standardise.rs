//! `standardise`: every band of the example store scaled to mean 0 and deviation 1, in place (SPEC §1).

use super::{Case, CaseRun, Expectation, random};
use crate::Result;
use crate::gpu::{Binding, Constant, Gpu, Kernel, ShaderSource, Tensor, Work, bindings};

/// Standardisation of features in place, with the statistics of each band.
#[derive(Clone)]
pub struct Standardise {
    /// Features, `[example, frame, band]`.
    pub features: Tensor<f32>,
    /// Mean of each band, `[band]`.
    pub mean: Tensor<f32>,
    /// Factor of each band, `[band]`, see [`scale`].
    pub scale: Tensor<f32>,
    /// Invocations per workgroup.
    pub workgroup: usize,
}

impl Standardise {
    /// Uploads the statistics: `mean` and `std` per band; `std` does not include epsilon.
    ///
    /// # Errors
    /// Errors of [`Gpu::tensor`].
    pub fn new(gpu: &Gpu, features: &Tensor<f32>, mean: &[f64], std: &[f64], epsilon: f64) -> Result<Self> {
        let [_, _, bands] = features.dims();
        let mean: Vec<f32> = mean.iter().map(|&m| m as f32).collect();
        let scale: Vec<f32> = std.iter().map(|&s| scale(s, epsilon) as f32).collect();
        Ok(Self {
            features: features.clone(),
            mean: gpu.tensor_from("mean", &[bands], &mean)?,
            scale: gpu.tensor_from("scale", &[bands], &scale)?,
            workgroup: 64,
        })
    }
}

impl Kernel for Standardise {
    fn source(&self) -> ShaderSource {
        ShaderSource::file("features/standardise.wgsl")
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        let [_, frames, bands] = self.features.dims();
        vec![("FRAMES", frames.into()), ("BANDS", bands.into()), ("WORKGROUP", self.workgroup.into())]
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        bindings![self.features, self.mean, self.scale]
    }

    fn grid(&self) -> [usize; 3] {
        let [examples, frames, bands] = self.features.dims();
        [(frames * bands).div_ceil(self.workgroup), examples, 1]
    }

    fn work(&self) -> Work {
        Work { flops: 2.0 * self.features.len() as f64, bytes: 8.0 * self.features.len() as f64 }
    }
}

/// Returns the factor 1 / (√(std² + ε) + ε). Because ε is added in f64, the factor of a constant band is finite even if
/// ε is below the resolution of f32.
pub fn scale(std: f64, epsilon: f64) -> f64 {
    1.0 / ((std * std + epsilon).sqrt() + epsilon)
}

/// Computes (x − mean) · scale for every band of features `[…, band]`.
pub fn oracle(features: &[f64], mean: &[f64], std: &[f64], epsilon: f64) -> Vec<f64> {
    let band = |(i, x): (usize, &f64)| (x - mean[i % mean.len()]) * scale(std[i % mean.len()], epsilon);
    features.iter().enumerate().map(band).collect()
}

pub(super) fn cases() -> Vec<Case> {
    vec![case("a chunk", [3, 20, 64], 2.2e-16), case("odd sizes", [2, 7, 13], 1e-3), case("one frame", [4, 1, 3], 0.5)]
}

fn case(name: &str, shape: [usize; 3], epsilon: f64) -> Case {
    Case::new(name, move |gpu| {
        let [_, _, bands] = shape;
        let (features, values) = random(gpu, "features", &shape)?;
        let mean: Vec<f64> = (0..bands).map(|b| (b as f64 * 0.37).sin()).collect();
        let std: Vec<f64> = (0..bands).map(|b| 0.1 + b as f64 * 0.05).collect();
        let kernel = Standardise::new(gpu, &features, &mean, &std, epsilon)?;
        let expected = vec![Expectation::close(&features, oracle(&values, &mean, &std, epsilon))];
        Ok(CaseRun::new(kernel, expected))
    })
}
