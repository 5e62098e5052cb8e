//! The sections of a configuration and their defaults.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A whole configuration.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Which clips: a dataset on disk, or how to draw one.
    pub data: DataConfig,
    /// How a clip is mixed (SPEC §6).
    pub scene: SceneConfig,
    /// From audio to log-mel (SPEC §1).
    pub features: FeatureConfig,
    /// The networks E and G (SPEC §§2, 3).
    pub model: ModelConfig,
    /// How they are trained (SPEC §§4, 5).
    pub train: TrainConfig,
    /// The update rule (SPEC §4).
    pub optimiser: OptimiserConfig,
    /// How they are judged (SPEC §5).
    pub evaluate: EvaluateConfig,
}

/// Which clips: a dataset on disk, or how to draw one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataConfig {
    /// A dataset folder: what `generate` wrote, or finished clips with DESED annotations. Takes precedence over drawing one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset: Option<PathBuf>,
    /// The soundbank clips are mixed from; the built-in one when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub soundbank: Option<PathBuf>,
    /// Training clips in all, balanced over the classes: 2 700 [P].
    pub train: usize,
    /// Validation clips in all: 300 [P].
    pub validation: usize,
    /// Evaluation clips in all: 750 [P].
    pub eval: usize,
    /// Whole events, or events cut to 200 ms.
    pub variant: Variant,
    /// Seed of everything that is drawn about the data.
    pub seed: u64,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self { dataset: None, soundbank: None, train: 2700, validation: 300, eval: 750, variant: Variant::Waa, seed: 1 }
    }
}

/// The two datasets of the paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Variant {
    /// Events as they are (weakly annotated audio).
    #[default]
    #[serde(rename = "waa")]
    Waa,
    /// Every event cut to a random 200 ms of itself before mixing.
    #[serde(rename = "200ms")]
    Ms200,
}

/// How a clip is mixed (SPEC §6).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SceneConfig {
    /// Length of a clip in seconds: 10 [P].
    pub clip_s: f64,
    /// Rate clips are mixed at, in Hz; sources of another rate are resampled to it: 44 100 [P].
    pub rate: u32,
    /// Bounds of the event's level over the background, in dB: 6 to 30 [P].
    pub snr_db: [f64; 2],
    /// Loudness of the background in LUFS: −50 [A].
    pub background_lufs: f64,
    /// Signals shorter than this many seconds are repeated before their loudness is measured: 0.5 [A].
    pub loudness_min_s: f64,
    /// Lowest loudness that is reported, in LUFS: −70 [A].
    pub loudness_floor_lufs: f64,
    /// Length of the sine fades at both ends of an event, in seconds: 0.01 [A].
    pub fade_s: f64,
    /// An onset leaves at least this many seconds of the clip: 0.25 [A].
    pub onset_margin_s: f64,
    /// Length events are cut to in the 200 ms dataset, in seconds: 0.2 [P].
    pub short_event_s: f64,
    /// A mix above full scale is scaled to this peak: 0.99 [O].
    pub peak: f64,
    /// Share of each class's training files held back for validation when the soundbank has no validation folder: 0.1 [O].
    pub holdout: f64,
}

impl Default for SceneConfig {
    fn default() -> Self {
        Self {
            clip_s: 10.0,
            rate: 44_100,
            snr_db: [6.0, 30.0],
            background_lufs: -50.0,
            loudness_min_s: 0.5,
            loudness_floor_lufs: -70.0,
            fade_s: 0.01,
            onset_margin_s: 0.25,
            short_event_s: 0.2,
            peak: 0.99,
            holdout: 0.1,
        }
    }
}

/// From audio to log-mel (SPEC §1).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FeatureConfig {
    /// Working rate in Hz: 16 000 [P].
    pub rate: u32,
    /// Window length in samples: 400, that is 25 ms [P].
    pub window: usize,
    /// FFT length in samples, a power of two: 512 [A].
    pub fft: usize,
    /// Hop in samples: 160, that is 10 ms [P].
    pub hop: usize,
    /// Mel bands: 64 [P].
    pub bands: usize,
    /// Lowest band edge in Hz: 125 [A].
    pub low_hz: f64,
    /// Highest band edge in Hz: 7 500 [A].
    pub high_hz: f64,
    /// Added to a mel value before the logarithm: 0.01 [A].
    pub log_offset: f64,
    /// Added to the variance and to the standard deviation: 2.2e-16 [A].
    pub epsilon: f64,
}

impl Default for FeatureConfig {
    fn default() -> Self {
        Self {
            rate: 16_000,
            window: 400,
            fft: 512,
            hop: 160,
            bands: 64,
            low_hz: 125.0,
            high_hz: 7500.0,
            log_offset: 0.01,
            epsilon: 2.2e-16,
        }
    }
}

/// The networks E and G (SPEC §§2, 3).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelConfig {
    /// Frames per chunk: 20 [P].
    pub chunk_frames: usize,
    /// Output channels of each convolution: 16, 16, 32, 65 [A].
    pub filters: Vec<usize>,
    /// Max-pool window of each convolution as [time, mel]: 2×2, 2×2, 1×4, 1×2 [A].
    pub pools: Vec<[usize; 2]>,
    /// Side of the convolution kernels, odd; stride 1, padded to keep the size: 3 [A].
    pub kernel: usize,
    /// Slope of LeakyReLU below zero: 0.2 [A].
    pub slope: f64,
    /// Dropout probability: 0.2 [A].
    pub dropout: f64,
    /// Hidden units of the classifier: 32 [P].
    pub hidden: usize,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            chunk_frames: 20,
            filters: vec![16, 16, 32, 65],
            pools: vec![[2, 2], [2, 2], [1, 4], [1, 2]],
            kernel: 3,
            slope: 0.2,
            dropout: 0.2,
            hidden: 32,
        }
    }
}

/// The ways to train.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// E and G together on binary cross-entropy (SPEC §4.1).
    #[default]
    Classifier,
}

impl Method {
    /// The name used in configs, flags and results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Classifier => "classifier",
        }
    }
}

/// How the networks are trained (SPEC §§4, 5).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// The method: end to end.
    pub method: Method,
    /// Length of the training and validation segments in seconds: 1.
    pub seconds: f64,
    /// Most epochs: 200 [A].
    pub epochs: usize,
    /// Examples per step, a multiple of the number of classes: 10 [A].
    pub batch: usize,
    /// One model per seed, all trained together as one population.
    pub seeds: Vec<u64>,
    /// Stop when this many epochs have passed since the best one: 30 [A].
    pub patience: usize,
    /// Never stop up to and including this epoch: 50 [A].
    pub min_epochs: usize,
    /// Seconds between checkpoints, written at the end of an epoch: 10 [O].
    pub checkpoint_s: f64,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            method: Method::Classifier,
            seconds: 1.0,
            epochs: 200,
            batch: 10,
            seeds: vec![1],
            patience: 30,
            min_epochs: 50,
            checkpoint_s: 10.0,
        }
    }
}

/// The update rule (SPEC §4): AdamW, or Adam when the decay is 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OptimiserConfig {
    /// Learning rate: 1e-3 [A].
    pub lr: f64,
    /// Decay of the first moment: 0.9 [A].
    pub beta1: f64,
    /// Decay of the second moment: 0.999 [A].
    pub beta2: f64,
    /// Added to the root of the second moment: 1e-8 [A].
    pub epsilon: f64,
    /// Decoupled weight decay: 1e-2 [A].
    pub weight_decay: f64,
}

impl Default for OptimiserConfig {
    fn default() -> Self {
        Self { lr: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 1e-2 }
    }
}

/// How the networks are judged (SPEC §5).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EvaluateConfig {
    /// Lengths of the evaluation segments in seconds: 0.2, 1, 10 [P].
    pub seconds: Vec<f64>,
    /// A class is present when its output exceeds this: 0.5 [P].
    pub threshold: f64,
}

impl Default for EvaluateConfig {
    fn default() -> Self {
        Self { seconds: vec![0.2, 1.0, 10.0], threshold: 0.5 }
    }
}
