//! `spectrum`: magnitude spectra of centred, windowed frames by a real FFT in workgroup memory (SPEC §1).

use std::f64::consts::TAU;

use realfft::RealFftPlanner;

use super::{Case, CaseRun, Expectation, random};
use crate::Result;
use crate::config::FeatureConfig;
use crate::gpu::{Binding, Constant, Gpu, Kernel, ShaderSource, Tensor, Work, bindings};

/// FFT lengths that the kernel supports: powers of two from 32 to 4 096.
pub const FFT_LENGTHS: std::ops::RangeInclusive<usize> = 32..=4096;

/// Number of points of the complex FFT that a thread holds in registers.
const POINTS_PER_THREAD: usize = 16;

/// Magnitude spectra of audio segments, with the tables that the FFT needs.
#[derive(Clone)]
pub struct Spectrum {
    /// Audio, `[segment, samples]`; samples beyond a segment's length are read as silence.
    pub audio: Tensor<f32>,
    /// Number of samples of each segment, `[segment]`.
    pub lengths: Tensor<u32>,
    /// Window, `[fft]`, see [`hann_window`].
    pub window: Tensor<f32>,
    /// Roots of unity, `[fft, 2]`: e^(−2πi k / fft).
    pub roots: Tensor<f32>,
    /// Magnitudes, `[segment, frame, bin]`; 0 in frames centred beyond the segment's length.
    pub magnitude: Tensor<f32>,
    /// Samples from one frame to the next.
    pub hop: usize,
    /// Sample of each row of `audio` at which the first frame is centred. The first frames include the samples before
    /// it, as if the row were a part of a longer signal.
    pub lead: usize,
    /// Frames per workgroup.
    pub frames_per_workgroup: usize,
}

impl Spectrum {
    /// Makes all tensors for `segments` segments of up to `samples` samples and exactly `frames` frames each. The first
    /// frame is centred at the segment's start.
    ///
    /// # Errors
    /// Errors of [`Gpu::tensor`].
    pub fn new(gpu: &Gpu, config: &FeatureConfig, segments: usize, samples: usize, frames: usize) -> Result<Self> {
        let fft = config.fft;
        assert!(fft.is_power_of_two() && FFT_LENGTHS.contains(&fft), "an FFT of {fft} samples");
        let window: Vec<f32> = hann_window(config.window, fft).into_iter().map(|w| w as f32).collect();
        let roots: Vec<f32> = (0..fft)
            .flat_map(|k| {
                let (sin, cos) = (TAU * k as f64 / fft as f64).sin_cos();
                [cos as f32, -sin as f32]
            })
            .collect();
        Ok(Self {
            audio: gpu.tensor("audio", &[segments, samples])?,
            lengths: gpu.tensor("lengths", &[segments])?,
            window: gpu.tensor_from("window", &[fft], &window)?,
            roots: gpu.tensor_from("roots", &[fft, 2], &roots)?,
            magnitude: gpu.tensor("magnitude", &[segments, frames, fft / 2 + 1])?,
            hop: config.hop,
            lead: 0,
            frames_per_workgroup: (64 * 2 * POINTS_PER_THREAD / fft).max(1),
        })
    }

    fn fft(&self) -> usize {
        self.window.len()
    }
}

impl Kernel for Spectrum {
    fn source(&self) -> ShaderSource {
        ShaderSource::file("features/spectrum.wgsl")
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        let doublings = (self.fft() / 2).ilog2();
        let [_, samples] = self.audio.dims();
        let [_, frames, _] = self.magnitude.dims();
        vec![
            ("SAMPLES", samples.into()),
            ("FRAMES", frames.into()),
            ("FFT", self.fft().into()),
            ("HOP", self.hop.into()),
            ("LEAD", self.lead.into()),
            ("FRAMES_PER_WORKGROUP", self.frames_per_workgroup.into()),
            ("RADIX2", (doublings % 2).into()),
            ("RADIX4", (doublings / 2 % 2).into()),
            ("RADIX16", (doublings / 4).into()),
            // The longest FFT fills the 16 KiB of workgroup memory that every adapter has, which leaves no room for the
            // skew.
            ("SKEW", (self.fft() < *FFT_LENGTHS.end()).into()),
        ]
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        bindings![self.audio, self.lengths, self.window, self.roots, self.magnitude]
    }

    fn grid(&self) -> [usize; 3] {
        let [segments, frames, _] = self.magnitude.dims();
        [frames.div_ceil(self.frames_per_workgroup), segments, 1]
    }

    fn work(&self) -> Work {
        let fft = self.fft() as f64;
        let [segments, frames, _] = self.magnitude.dims();
        Work {
            flops: (segments * frames) as f64 * 2.5 * fft * fft.log2(),
            bytes: 4.0 * (self.audio.len() + self.magnitude.len()) as f64,
        }
    }
}

/// Returns the periodic Hann window of `window` samples, centred in `fft` samples.
pub fn hann_window(window: usize, fft: usize) -> Vec<f64> {
    let mut padded = vec![0.0; fft];
    let start = (fft - window) / 2;
    for (n, value) in padded[start..start + window].iter_mut().enumerate() {
        *value = 0.5 - 0.5 * (TAU * n as f64 / window as f64).cos();
    }
    padded
}

/// Computes the magnitudes of exactly `frames` frames of one segment, `[frame, bin]`; zeros in frames beyond its end.
pub fn oracle(config: &FeatureConfig, audio: &[f64], frames: usize) -> Vec<f64> {
    let FeatureConfig { window, fft, hop, .. } = *config;
    let window = hann_window(window, fft);
    let plan = RealFftPlanner::<f64>::new().plan_fft_forward(fft);
    let (mut input, mut output) = (plan.make_input_vec(), plan.make_output_vec());
    let mut magnitude = vec![0.0; frames * output.len()];
    let padded = [vec![0.0; fft / 2], audio.to_vec(), vec![0.0; fft / 2]].concat();
    for (frame, row) in magnitude.chunks_exact_mut(output.len()).enumerate().take(1 + audio.len() / hop) {
        for ((x, signal), w) in input.iter_mut().zip(&padded[frame * hop..]).zip(&window) {
            *x = signal * w;
        }
        plan.process(&mut input, &mut output).expect("buffers made by the plan");
        row.iter_mut().zip(&output).for_each(|(m, z)| *m = z.norm());
    }
    magnitude
}

/// Properties of a case.
#[derive(Clone)]
struct SpectrumCase {
    config: FeatureConfig,
    /// Samples of each segment. Noise also fills the rest of each row, where the kernel must ignore it.
    lengths: &'static [usize],
    /// Frames that are computed.
    frames: usize,
    /// Hops before the first frame that is computed.
    lead_hops: usize,
    /// Frames per workgroup; `None` for as many as the kernel chooses.
    frames_per_workgroup: Option<usize>,
}

pub(super) fn cases() -> Vec<Case> {
    let usual = SpectrumCase {
        config: FeatureConfig::default(),
        lengths: &[1600, 1599, 0, 159, 160, 700],
        frames: 11,
        lead_hops: 0,
        frames_per_workgroup: None,
    };
    let case = |name: &str, setting: SpectrumCase| Case::new(name, move |gpu| prepare(gpu, &setting));
    let sized = |fft, window, hop, lengths, frames| SpectrumCase {
        config: FeatureConfig { fft, window, hop, ..FeatureConfig::default() },
        lengths,
        frames,
        ..usual.clone()
    };
    let parts = SpectrumCase { lengths: &[1600, 480, 479, 319, 0], frames: 8, lead_hops: 2, ..usual.clone() };
    let three_frames = SpectrumCase { frames_per_workgroup: Some(3), ..sized(256, 255, 101, &[1313, 256], 14) };
    vec![
        case("SPEC 1", usual.clone()),
        case("parts of longer signals", parts),
        case("radix 16, odd hop", sized(32, 32, 7, &[333, 100], 51)),
        case("radices 2, 4, 16", three_frames),
        case("radices 4, 16, 16", sized(2048, 2048, 512, &[5000], 10)),
        case("all of the workgroup memory", sized(4096, 3000, 1001, &[7000, 50], 7)),
    ]
}

fn prepare(gpu: &Gpu, setting: &SpectrumCase) -> Result<CaseRun> {
    let SpectrumCase { config, lengths, frames, lead_hops, frames_per_workgroup } = setting;
    let samples = lengths.iter().max().map_or(1, |longest| longest + 3);
    let (audio, values) = random(gpu, "audio", &[lengths.len(), samples])?;
    let spectrum = Spectrum::new(gpu, config, lengths.len(), samples, *frames)?;
    let kernel = Spectrum {
        audio,
        lead: lead_hops * config.hop,
        frames_per_workgroup: frames_per_workgroup.unwrap_or(spectrum.frames_per_workgroup),
        ..spectrum
    };
    gpu.write(&kernel.lengths, 0, &lengths.iter().map(|&n| n as u32).collect::<Vec<_>>());
    let of_segment = |(signal, &length): (&[f64], &usize)| {
        oracle(config, &signal[..length], lead_hops + frames).split_off(lead_hops * (config.fft / 2 + 1))
    };
    let expected = values.chunks_exact(samples).zip(*lengths).flat_map(of_segment).collect();
    let expected = vec![Expectation::close(&kernel.magnitude, expected)];
    Ok(CaseRun::new(kernel, expected))
}
