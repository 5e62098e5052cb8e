//! `moments`: mean and squared deviations of every band of every example, for standardisation (SPEC §1).

use super::{Case, CaseRun, Expectation, random};
use crate::Result;
use crate::gpu::{Binding, Constant, Gpu, Kernel, ShaderSource, Tensor, Work, bindings};

/// Mean and squared deviations of every band of every example.
#[derive(Clone)]
pub struct BandMoments {
    /// Features, `[example, frame, band]`.
    pub features: Tensor<f32>,
    /// Moments, `[example, band, 2]`: the mean over the frames, and the sum of squared deviations from the mean.
    pub moments: Tensor<f32>,
    /// Number of frames of each example before the end of its clip, `[example]` of all shards, and the index of the
    /// first example of `features`; all frames count without them.
    pub real_frames: Option<(Tensor<u32>, usize)>,
    /// Number of frames that are summed separately before they are added to the total.
    pub block: usize,
    /// Invocations per workgroup.
    pub workgroup: usize,
}

impl BandMoments {
    /// Makes the output tensor.
    ///
    /// # Errors
    /// Errors of [`Gpu::tensor`].
    pub fn new(gpu: &Gpu, features: &Tensor<f32>) -> Result<Self> {
        let [examples, _, bands] = features.dims();
        let moments = gpu.tensor("moments", &[examples, bands, 2])?;
        Ok(Self { features: features.clone(), moments, real_frames: None, block: 32, workgroup: 64 })
    }
}

impl Kernel for BandMoments {
    fn source(&self) -> ShaderSource {
        let frames = if self.real_frames.is_some() { "features/frames_real.wgsl" } else { "features/frames_all.wgsl" };
        ShaderSource::file("features/moments.wgsl").fill("frames", frames)
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        let [_, frames, bands] = self.features.dims();
        vec![
            ("FRAMES", frames.into()),
            ("FIRST", self.real_frames.as_ref().map_or(0, |(_, first)| *first).into()),
            ("BANDS", bands.into()),
            ("BLOCK", self.block.into()),
            ("WORKGROUP", self.workgroup.into()),
        ]
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        let mut bindings = bindings![self.features, self.moments];
        bindings.extend(self.real_frames.as_ref().map(|(tensor, _)| ("real_frames", tensor.binding())));
        bindings
    }

    fn grid(&self) -> [usize; 3] {
        let [examples, _, bands] = self.features.dims();
        [bands.div_ceil(self.workgroup), examples, 1]
    }

    fn work(&self) -> Work {
        Work { flops: 5.0 * self.features.len() as f64, bytes: 4.0 * self.features.len() as f64 }
    }
}

/// Computes mean and sum of squared deviations, `[band, 2]`, of features `[frame, band]`.
pub fn oracle(features: &[f64], bands: usize) -> Vec<f64> {
    let of_band = |band: usize| {
        let values = || features.iter().skip(band).step_by(bands);
        let mean = values().sum::<f64>() / values().count() as f64;
        [mean, values().map(|x| (x - mean).powi(2)).sum()]
    };
    (0..bands).flat_map(of_band).collect()
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        case("a chunk", [3, 20, 64], 32, 1.0),
        case("odd sizes", [2, 101, 67], 7, 1.0),
        case("one frame", [5, 1, 3], 32, 1.0),
        case("10 s, small deviations", [1, 1000, 5], 32, 1e-3),
        case("constant bands", [2, 333, 4], 16, 0.0),
        shorter_clips(),
    ]
}

/// Creates a case of a later shard with clips that end before their segments, one of them at once.
fn shorter_clips() -> Case {
    Case::new("clips shorter than their segments", |gpu| {
        let (frames, bands, real) = (50, 5, [50_usize, 1, 33]);
        let (features, values) = random(gpu, "features", &[3, frames, bands])?;
        let real_frames = gpu.tensor_from("real frames", &[5], &[7, 7, 50, 0, 33])?;
        let kernel = BandMoments { real_frames: Some((real_frames, 2)), ..BandMoments::new(gpu, &features)? };
        let expected = values.chunks_exact(frames * bands).zip(real).flat_map(|(x, n)| oracle(&x[..n * bands], bands));
        let expected = vec![Expectation::within(&kernel.moments, expected.collect(), 1e-6)];
        Ok(CaseRun::new(kernel, expected))
    })
}

/// Creates a case with features around −4 with the given deviation.
fn case(name: &str, shape: [usize; 3], block: usize, deviation: f64) -> Case {
    Case::new(name, move |gpu| {
        let [examples, frames, bands] = shape;
        let (features, normal) = random(gpu, "features", &shape)?;
        let values: Vec<f32> = normal.iter().map(|x| (x * deviation - 4.1) as f32).collect();
        gpu.write(&features, 0, &values);
        let kernel = BandMoments { block, ..BandMoments::new(gpu, &features)? };
        let values: Vec<f64> = values.into_iter().map(f64::from).collect();
        let expected: Vec<f64> = values.chunks_exact(frames * bands).flat_map(|x| oracle(x, bands)).collect();
        assert_eq!(expected.len(), examples * bands * 2);
        let expected = vec![Expectation::within(&kernel.moments, expected, 1e-6)];
        Ok(CaseRun::new(kernel, expected))
    })
}
