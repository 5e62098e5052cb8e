//! `mel`: log-mel bands of magnitude spectra by sparse triangular filters (SPEC §1).

use super::{Case, CaseRun, Expectation, random};
use crate::Result;
use crate::config::FeatureConfig;
use crate::gpu::{Binding, Constant, Gpu, Kernel, ShaderSource, Tensor, Work, bindings};

/// Log-mel bands of a batch of magnitudes, ln(mel + offset), written to the example store. Step s of the schedule
/// writes the examples from s · segments on; segments beyond the end of the store are skipped.
#[derive(Clone)]
pub struct Mel {
    /// Magnitude spectra, `[segment, frame, bin]`.
    pub magnitude: Tensor<f32>,
    /// First bin and number of bins of each band's triangle, `[band, 2]`.
    pub bins: Tensor<u32>,
    /// Filter weights, `[bin of the band, band]`, see [`filters`].
    pub weights: Tensor<f32>,
    /// Features, `[example, frame, band]`.
    pub features: Tensor<f32>,
    /// Offset added before the logarithm.
    pub offset: f64,
    /// Frames per thread.
    pub tile: usize,
    /// Invocations per workgroup.
    pub workgroup: usize,
}

impl Mel {
    /// Makes the filter table; panics if the shapes of `magnitude` and `features` do not match each other and `config`.
    ///
    /// # Errors
    /// Errors of [`Gpu::tensor`].
    pub fn new(gpu: &Gpu, config: &FeatureConfig, magnitude: &Tensor<f32>, features: &Tensor<f32>) -> Result<Self> {
        let [segments, _, _] = magnitude.dims();
        let [examples, frames, _] = features.dims();
        magnitude.expect_shape(&[segments, frames, config.fft / 2 + 1]);
        features.expect_shape(&[examples, frames, config.bands]);
        let (bins, weights) = sparse(&filters(config));
        Ok(Self {
            magnitude: magnitude.clone(),
            bins: gpu.tensor_from("bins", &[config.bands, 2], &bins)?,
            weights: gpu.tensor_from("weights", &[weights.len() / config.bands, config.bands], &weights)?,
            features: features.clone(),
            offset: config.log_offset,
            tile: 4,
            workgroup: 64,
        })
    }
}

impl Kernel for Mel {
    fn source(&self) -> ShaderSource {
        ShaderSource::file("features/mel.wgsl")
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        let [segments, frames, bins] = self.magnitude.dims();
        let [examples, _, bands] = self.features.dims();
        vec![
            ("SEGMENTS", segments.into()),
            ("EXAMPLES", examples.into()),
            ("FRAMES", frames.into()),
            ("BINS", bins.into()),
            ("BANDS", bands.into()),
            ("OFFSET", self.offset.into()),
            ("TILE", self.tile.into()),
            ("WORKGROUP", self.workgroup.into()),
        ]
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        bindings![self.magnitude, self.bins, self.weights, self.features]
    }

    fn grid(&self) -> [usize; 3] {
        let [segments, frames, _] = self.magnitude.dims();
        let [_, _, bands] = self.features.dims();
        [(frames.div_ceil(self.tile) * bands).div_ceil(self.workgroup), segments, 1]
    }

    fn work(&self) -> Work {
        let [segments, frames, _] = self.magnitude.dims();
        let [_, _, bands] = self.features.dims();
        Work {
            // Every bin belongs to at most two bands.
            flops: 4.0 * self.magnitude.len() as f64,
            bytes: 4.0 * (self.magnitude.len() + segments * frames * bands) as f64,
        }
    }
}

/// Returns the filters, `[band][bin]`: triangles of peak 1 between equally spaced points of the HTK mel scale.
pub fn filters(config: &FeatureConfig) -> Vec<Vec<f64>> {
    let mel = |hz: f64| 2595.0 * (1.0 + hz / 700.0).log10();
    let hz = |mel: f64| 700.0 * (10_f64.powf(mel / 2595.0) - 1.0);
    let (low, high) = (mel(config.low_hz), mel(config.high_hz));
    let edges: Vec<f64> =
        (0..config.bands + 2).map(|i| hz(low + (high - low) * i as f64 / (config.bands + 1) as f64)).collect();
    let weight = |edges: &[f64], f: f64| {
        let rising = (f - edges[0]) / (edges[1] - edges[0]);
        let falling = (edges[2] - f) / (edges[2] - edges[1]);
        rising.min(falling).max(0.0)
    };
    let bin_hz = f64::from(config.rate) / config.fft as f64;
    edges.windows(3).map(|e| (0..=config.fft / 2).map(|k| weight(e, k as f64 * bin_hz)).collect()).collect()
}

/// Returns the first bin of every band and the weights from there to the band's last bin; a band without bins has no
/// weights.
pub(super) fn triangles(filters: &[Vec<f64>]) -> Vec<(usize, &[f64])> {
    let support = |filter: &'_ Vec<f64>| {
        let first = filter.iter().position(|&w| w > 0.0).unwrap_or(0);
        first..filter.iter().rposition(|&w| w > 0.0).map_or(first, |last| last + 1)
    };
    filters.iter().map(|filter| (support(filter).start, &filter[support(filter)])).collect()
}

/// Returns the first bin and number of bins of each band, `[band, 2]`, and the weights, `[bin of the band, band]`,
/// padded to the widest band.
fn sparse(filters: &[Vec<f64>]) -> (Vec<u32>, Vec<f32>) {
    let triangles = triangles(filters);
    let widest = triangles.iter().map(|(_, weights)| weights.len()).max().unwrap_or(0).max(1);
    let weight = |k: usize| triangles.iter().map(move |(_, weights)| weights.get(k).map_or(0.0, |w| *w as f32));
    let bins = triangles.iter().flat_map(|(first, weights)| [*first as u32, weights.len() as u32]).collect();
    (bins, (0..widest).flat_map(weight).collect())
}

/// Computes ln(mel + offset), `[frame, band]`, from magnitudes `[frame, bin]`.
pub fn oracle(config: &FeatureConfig, magnitude: &[f64]) -> Vec<f64> {
    let filters = filters(config);
    let bands = |frame: &[f64]| -> Vec<f64> {
        let mel = |filter: &Vec<f64>| filter.iter().zip(frame).map(|(w, m)| w * m).sum::<f64>();
        filters.iter().map(|filter| (mel(filter) + config.log_offset).ln()).collect()
    };
    magnitude.chunks_exact(config.fft / 2 + 1).flat_map(bands).collect()
}

pub(super) fn cases() -> Vec<Case> {
    let paper = FeatureConfig::default();
    let odd = FeatureConfig { bands: 13, fft: 128, low_hz: 0.0, high_hz: 8000.0, log_offset: 1e-3, ..paper.clone() };
    let empty_bands = FeatureConfig { bands: 40, fft: 64, ..paper.clone() };
    vec![
        case("SPEC 1", &paper, [3, 3, 20], 0, 4),
        case("odd sizes, last batch of a store", &odd, [2, 3, 7], 1, 3),
        case("bands without a bin", &empty_bands, [1, 1, 5], 0, 1),
    ]
}

/// Creates a case that writes the features of `segments` segments to a store of `examples` examples at step `step` of
/// the schedule.
fn case(name: &str, config: &FeatureConfig, [segments, examples, frames]: [usize; 3], step: u32, tile: usize) -> Case {
    let config = config.clone();
    Case::new(name, move |gpu| {
        let (normal, values) = random(gpu, "magnitude", &[segments, frames, config.fft / 2 + 1])?;
        let magnitude: Vec<f32> = values.iter().map(|x| x.abs() as f32).collect();
        gpu.write(&normal, 0, &magnitude);
        let features = gpu.tensor("features", &[examples, frames, config.bands])?;
        let kernel = Mel { tile, ..Mel::new(gpu, &config, &normal, &features)? };
        let log_mel = oracle(&config, &values.iter().map(|x| x.abs()).collect::<Vec<_>>());
        let mut expected = vec![0.0; features.len()];
        let first = step as usize * segments * frames * config.bands;
        let written = log_mel.len().min(expected.len() - first);
        expected[first..first + written].copy_from_slice(&log_mel[..written]);
        Ok(CaseRun::new(kernel, vec![Expectation::close(&features, expected)]).at_step(step))
    })
}
