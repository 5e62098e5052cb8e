//! Log-mel features of centred, windowed frames, from audio to the example store in the registers of one thread (SPEC
//! §1). The results equal those of [`Spectrum`](super::spectrum::Spectrum) and [`Mel`](super::mel::Mel); this form is
//! for adapters whose threads are lanes of a CPU's vectors.

use std::f64::consts::TAU;

use super::forms::{features_in_registers, needs_uniform_hint, uniform_slots};
use super::{Case, CaseRun, Expectation, mel, random, spectrum};
use crate::Result;
use crate::config::FeatureConfig;
use crate::gpu::{Binding, Constant, DeviceClass, Gpu, Kernel, ShaderSource, Tensor, Work, bindings};

/// FFT length that the kernel is written for.
const FFT: usize = 512;
/// Samples between neighbouring points of the same FFT in the first pass.
const ROW: usize = 32;

/// Log-mel features of a batch of audio, ln(mel + offset), written to the example store. Step s of the schedule writes
/// the examples from s · segments on; segments beyond the end of the store are skipped.
#[derive(Clone)]
pub struct LogMel {
    /// Audio, `[segment, samples]`; samples beyond a segment's length are read as silence.
    pub audio: Tensor<f32>,
    /// Number of samples of each segment, `[segment]`.
    pub lengths: Tensor<u32>,
    /// Window in the order in which the first pass reads it, `[16, 16, 2]`: element (j, row, s) is sample
    /// 32 row + 2 j + s of [`hann_window`](spectrum::hann_window).
    pub window: Tensor<f32>,
    /// Twiddle factors between the two passes of the FFT, `[16, 16, 2]`: element (j, r) is e^(−2πi j r / 256).
    pub turns: Tensor<f32>,
    /// Twiddle factors of the odd samples' spectrum, `[9, 16, 2]`: element (r, s) is e^(−2πi (r + 16 s) / 512).
    pub halves: Tensor<f32>,
    /// Features, `[example, frame, band]`.
    pub features: Tensor<f32>,
    /// Sample of each row of `audio` at which the first frame is centred, as in
    /// [`Spectrum::lead`](super::spectrum::Spectrum::lead); an even number.
    pub lead: usize,
    /// Window, hop, bands and offset.
    pub config: FeatureConfig,
    /// True if the shader needs the hint that indices are equal in the whole workgroup (llvmpipe).
    pub uniform_hint: bool,
    /// Invocations per workgroup.
    pub workgroup: usize,
}

impl LogMel {
    /// Creates the kernel that computes the features of `audio`, whose rows are `lengths` samples long, into
    /// `features`. The first frame is centred at the segment's start. Panics if a row has an odd number of samples, the
    /// FFT length is not 512, or `features` has another number of bands than `config`.
    ///
    /// # Errors
    /// Errors of [`Gpu::tensor`].
    pub fn new(
        gpu: &Gpu,
        config: &FeatureConfig,
        audio: &Tensor<f32>,
        lengths: &Tensor<u32>,
        features: &Tensor<f32>,
    ) -> Result<Self> {
        let [_, samples] = audio.dims();
        assert!(config.fft == FFT && samples.is_multiple_of(2), "an FFT of {}, rows of {samples}", config.fft);
        let [examples, frames, _] = features.dims();
        features.expect_shape(&[examples, frames, config.bands]);
        let hann = spectrum::hann_window(config.window, FFT);
        let window: Vec<f32> = (0..FFT).map(|at| hann[at / 2 % 16 * ROW + at / ROW * 2 + at % 2] as f32).collect();
        let roots = |rows: usize, power: &dyn Fn(usize, usize) -> usize| -> Vec<f32> {
            let powers = (0..rows * 16).map(|at| power(at / 16, at % 16) as f64);
            powers.map(|k| (TAU * k / FFT as f64).sin_cos()).flat_map(|(sin, cos)| [cos as f32, -sin as f32]).collect()
        };
        Ok(Self {
            audio: audio.clone(),
            lengths: lengths.clone(),
            window: gpu.tensor_from("window", &[16, 16, 2], &window)?,
            turns: gpu.tensor_from("turns", &[16, 16, 2], &roots(16, &|j, r| 2 * j * r))?,
            halves: gpu.tensor_from("halves", &[9, 16, 2], &roots(9, &|r, s| r + 16 * s))?,
            features: features.clone(),
            lead: 0,
            config: config.clone(),
            uniform_hint: needs_uniform_hint(gpu),
            workgroup: 8,
        })
    }

    /// True if this kernel is faster on devices of `class` and supports `config`: an FFT of 512 samples, an even hop
    /// (two samples per load), and a multiple of four bands (four bands per store).
    pub fn suits(class: DeviceClass, config: &FeatureConfig) -> bool {
        features_in_registers(class)
            && config.fft == FFT
            && config.hop.is_multiple_of(2)
            && config.bands.is_multiple_of(4)
    }
}

impl Kernel for LogMel {
    fn source(&self) -> ShaderSource {
        ShaderSource::file("llvmpipe/log_mel.wgsl").fill_all(uniform_slots(self.uniform_hint))
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        assert!(self.lead.is_multiple_of(2), "samples are read two at a time");
        let [_, frames, _] = self.features.dims();
        // Rows of the FFT's samples in which the window is not zero.
        let first = (FFT - self.config.window) / 2;
        let rows = first / ROW..(first + self.config.window).div_ceil(ROW);
        let filters = mel::filters(&self.config);
        let triangles = mel::triangles(&filters);
        let (first_bins, counts) =
            triangles.iter().map(|(first, weights)| (*first as u32, weights.len() as u32)).unzip();
        let starts = triangles.iter().scan(0, |next, (_, weights)| {
            *next += weights.len() as u32;
            Some(*next - weights.len() as u32)
        });
        let weights = triangles.iter().flat_map(|(_, weights)| weights.iter().map(|w| *w as f32));
        vec![
            ("FRAMES", frames.into()),
            ("HOP", self.config.hop.into()),
            ("LEAD", self.lead.into()),
            ("FIRST_ROW", rows.start.into()),
            ("ROWS", rows.len().into()),
            ("BANDS", self.config.bands.into()),
            ("OFFSET", self.config.log_offset.into()),
            ("WORKGROUP", self.workgroup.into()),
            ("FIRST_BIN", Constant::U32s(first_bins)),
            ("BINS", Constant::U32s(counts)),
            ("WEIGHTS_START", Constant::U32s(starts.collect())),
            ("WEIGHTS", Constant::F32s(weights.collect())),
        ]
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        bindings![self.audio, self.lengths, self.window, self.turns, self.halves, self.features]
    }

    fn grid(&self) -> [usize; 3] {
        let [segments, _] = self.audio.dims();
        let [_, frames, _] = self.features.dims();
        [(segments * frames).div_ceil(self.workgroup), 1, 1]
    }

    fn work(&self) -> Work {
        let [segments, _] = self.audio.dims();
        let [_, frames, bands] = self.features.dims();
        let (frames, fft) = (segments * frames, FFT as f64);
        Work {
            // Every bin belongs to at most two bands.
            flops: frames as f64 * (2.5 * fft * fft.log2() + 2.0 * fft),
            bytes: 4.0 * (self.audio.len() + frames * bands) as f64,
        }
    }
}

/// Properties of a case.
#[derive(Clone)]
struct LogMelCase {
    config: FeatureConfig,
    /// Samples of each segment. Noise also fills the rest of each row, where the kernel must ignore it.
    lengths: &'static [usize],
    /// Examples that the store has room for.
    examples: usize,
    /// Frames that are computed.
    frames: usize,
    /// Hops before the first frame that is computed.
    lead_hops: usize,
    /// Step of the schedule, which determines the examples that are written.
    step: usize,
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, setting: LogMelCase| {
        Case::new(name, move |gpu| prepare(gpu, &setting)).only_on(DeviceClass::Llvmpipe)
    };
    let paper = FeatureConfig::default();
    let narrow = FeatureConfig { window: 302, hop: 102, bands: 40, low_hz: 0.0, high_hz: 8000.0, ..paper.clone() };
    let empty_bands = FeatureConfig { window: 512, bands: 128, ..paper.clone() };
    let lengths = &[1600, 1599, 0, 159, 160, 700];
    let usual = LogMelCase { config: paper, lengths, examples: 6, frames: 11, lead_hops: 0, step: 0 };
    let parts = LogMelCase { lengths: &[1600, 480, 479, 319], frames: 7, lead_hops: 2, step: 1, ..usual.clone() };
    let narrow = LogMelCase { config: narrow, lengths: &[1001, 301], examples: 2, ..usual.clone() };
    let empty_bands =
        LogMelCase { config: empty_bands, lengths: &[500], examples: 2, frames: 3, step: 1, ..usual.clone() };
    vec![
        case("SPEC 1", usual),
        case("parts of longer signals, last batch of a store", parts),
        case("odd window, bands from 0 Hz to the last", narrow),
        case("bands without a bin, no padding", empty_bands),
    ]
}

fn prepare(gpu: &Gpu, setting: &LogMelCase) -> Result<CaseRun> {
    let LogMelCase { config, lengths, examples, frames, lead_hops, step } = setting;
    let samples = lengths.iter().max().map_or(2, |longest| (longest + 1).next_multiple_of(2));
    let (audio, values) = random(gpu, "audio", &[lengths.len(), samples])?;
    let of_segment = |(signal, &length): (&[f64], &usize)| {
        let magnitude = spectrum::oracle(config, &signal[..length], lead_hops + frames);
        mel::oracle(config, &magnitude).split_off(lead_hops * config.bands)
    };
    let log_mel: Vec<f64> = values.chunks_exact(samples).zip(*lengths).flat_map(of_segment).collect();
    let counts: Vec<u32> = lengths.iter().map(|&n| n as u32).collect();
    let counts = gpu.tensor_from("lengths", &[lengths.len()], &counts)?;
    let features = gpu.tensor("features", &[*examples, *frames, config.bands])?;
    let kernel = LogMel { lead: lead_hops * config.hop, ..LogMel::new(gpu, config, &audio, &counts, &features)? };
    let mut expected = vec![0.0; features.len()];
    let first = step * lengths.len() * frames * config.bands;
    let written = log_mel.len().min(expected.len() - first);
    expected[first..first + written].copy_from_slice(&log_mel[..written]);
    Ok(CaseRun::new(kernel, vec![Expectation::close(&features, expected)]).at_step(*step as u32))
}
