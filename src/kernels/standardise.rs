//! `standardise`: every band of the example store scaled to mean 0 and deviation 1, in place (SPEC §1).

use half::f16;

use super::{Case, CaseRun, Expectation, random};
use crate::Result;
use crate::config::Precision;
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
    /// Format to whose numbers the results are rounded; they are written in f32.
    pub precision: Precision,
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
            precision: Precision::F32,
            workgroup: 64,
        })
    }
}

impl Kernel for Standardise {
    fn source(&self) -> ShaderSource {
        let rounding = match self.precision {
            Precision::F32 => "features/round_none.wgsl",
            Precision::F16 => "features/round_f16.wgsl",
        };
        ShaderSource::file("features/standardise.wgsl").fill("rounding", rounding)
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
    vec![
        case("a chunk", [3, 20, 64], 2.2e-16),
        case("odd sizes", [2, 7, 13], 1e-3),
        case("one frame", [4, 1, 3], 0.5),
        rounded_to_f16(),
    ]
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

/// Creates a case whose results are f16 numbers: ties, numbers around its smallest normal one, and ones beyond its
/// largest.
fn rounded_to_f16() -> Case {
    Case::new("rounded to f16", |gpu| {
        let (step, smallest) = (2f64.powi(-10), 2f64.powi(-14));
        let edges = [
            (1.0 + 0.5 * step, 1.0),
            (1.0 + 1.5 * step, 1.0 + 2.0 * step),
            (1.0 + 0.51 * step, 1.0 + step),
            (-3.0 - step, -3.0),
            (0.4 * smallest, 0.0),
            (-0.6 * smallest, -smallest),
            (1e6, 65_504.0),
            (-65_504.0, -65_504.0),
        ];
        let (random, normal) = random(gpu, "features", &[1, 50, 4])?;
        let values: Vec<f32> = edges.iter().map(|(x, _)| *x as f32).chain(gpu.read(&random)?).collect();
        let features = gpu.tensor_from("features", &[2, values.len() / 8, 4], &values)?;
        let kernel =
            Standardise { precision: Precision::F16, ..Standardise::new(gpu, &features, &[0.0; 4], &[1.0; 4], 1e-30)? };
        let expected: Vec<f64> =
            edges.iter().map(|(_, y)| *y).chain(normal.iter().map(|x| f64::from(f16::from_f64(*x)))).collect();
        Ok(CaseRun::new(kernel, vec![Expectation::within(&features, expected, 0.0)]))
    })
}
