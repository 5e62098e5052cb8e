//! Sections for the path from recordings to features: clips, mixing, log-mel.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The clips: a dataset on disk, or settings for generating one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataConfig {
    /// Dataset: the output of `generate`, or a folder or table of finished clips. Takes precedence over generating one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset: Option<PathBuf>,
    /// Soundbank from which clips are mixed; the built-in one when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub soundbank: Option<PathBuf>,
    /// DESED's co-occurrence JSON, which gives the classes of a clip's further events. When absent, all classes are
    /// equally likely.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cooccurrence: Option<PathBuf>,
    /// Number of training clips, balanced over the classes: 2 700 (P).
    pub train: usize,
    /// Number of validation clips: 300 (P).
    pub validation: usize,
    /// Number of evaluation clips: 750 (P).
    pub eval: usize,
    /// Whole events, or events cut to 200 ms.
    pub variant: Variant,
    /// Seed of everything random about the data.
    pub seed: u64,
    /// The fold whose clips evaluate, in a dataset with folds; the last one when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fold: Option<u64>,
    /// Columns of a table of clips.
    #[serde(skip_serializing_if = "is_default")]
    pub table: TableConfig,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            dataset: None,
            soundbank: None,
            cooccurrence: None,
            train: 2700,
            validation: 300,
            eval: 750,
            variant: Variant::Waa,
            seed: 1,
            fold: None,
            table: TableConfig::default(),
        }
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Columns of a table of clips, for tables that are not recognised by their header. A key that is absent leaves its
/// column to be recognised. Every key but `file`, `labels` and `delimiter` may be empty: then there is no such column,
/// or fields hold one label.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TableConfig {
    /// The column with the names or paths of the clips.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The column with the labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<String>,
    /// The column with the onset of an event in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub onset: Option<String>,
    /// The column with the offset of an event in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<String>,
    /// The character between columns; otherwise a tab, comma or semicolon, as the header has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<String>,
    /// The text between labels of one clip.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub separator: Option<String>,
    /// The column with the subset of a clip: train, validation or eval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split: Option<String>,
    /// The column with the number of the fold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fold: Option<String>,
    /// The column with the recording from which a clip was cut. Clips of one recording are never shared out to several
    /// subsets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}

/// The two datasets of the paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Variant {
    /// Events as they are (weakly annotated audio).
    #[default]
    #[serde(rename = "waa")]
    Waa,
    /// Every event cut to a random 200 ms of itself before mixing.
    #[serde(rename = "200ms")]
    #[cfg_attr(feature = "cli", value(name = "200ms"))]
    Ms200,
}

impl Variant {
    /// Returns the name used in configs, flags and results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waa => "waa",
            Self::Ms200 => "200ms",
        }
    }
}

/// The mixing of a clip (SPEC §6).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SceneConfig {
    /// Length of a clip in seconds: 10 (P).
    pub clip_s: f64,
    /// Sample rate of the mix in Hz, to which all sources are resampled: 44 100 (P).
    pub rate: u32,
    /// Smallest and largest number of events of a clip, equally likely: one (P).
    pub events: [usize; 2],
    /// Smallest and largest level of an event over the background, in dB: 6 to 30 (P).
    pub snr_db: [f64; 2],
    /// Loudness of the background in LUFS: −50 (A).
    pub background_lufs: f64,
    /// Shortest signal for a loudness measurement, in seconds; shorter signals are repeated: 0.5 (A).
    pub loudness_min_s: f64,
    /// Lowest reported loudness, in LUFS: −70 (A).
    pub loudness_floor_lufs: f64,
    /// Length of the sine fades at both ends of an event, in seconds: 0.01 (A).
    pub fade_s: f64,
    /// Shortest time between an event's onset and the end of the clip, in seconds: 0.25 (A).
    pub onset_margin_s: f64,
    /// Length to which events are cut in the 200 ms dataset, in seconds: 0.2 (P).
    pub short_event_s: f64,
    /// Peak to which a mix above full scale is scaled: 0.99 (O).
    pub peak: f64,
    /// Share of each class's training files held back for validation when the soundbank has no validation folder: 0.1
    /// (O).
    pub holdout: f64,
}

impl Default for SceneConfig {
    fn default() -> Self {
        Self {
            clip_s: 10.0,
            rate: 44_100,
            events: [1, 1],
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

/// The computation of log-mel features from audio (SPEC §1).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FeatureConfig {
    /// Sample rate in Hz to which audio is resampled: 16 000 (P).
    pub rate: u32,
    /// Window length in samples: 400, that is 25 ms (P).
    pub window: usize,
    /// FFT length in samples, a power of two: 512 (A).
    pub fft: usize,
    /// Hop in samples: 160, that is 10 ms (P).
    pub hop: usize,
    /// Mel bands: 64 (P).
    pub bands: usize,
    /// Lowest band edge in Hz: 125 (A).
    pub low_hz: f64,
    /// Highest band edge in Hz: 7 500 (A).
    pub high_hz: f64,
    /// Offset added to a mel value before the logarithm: 0.01 (A).
    pub log_offset: f64,
    /// Offset added to the variance and to the standard deviation: 2.2e-16 (A).
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

impl FeatureConfig {
    /// Returns the number of frames in a segment of `seconds` (SPEC §1): round(100·S) at the default rate and hop.
    pub fn frames(&self, seconds: f64) -> usize {
        (seconds * f64::from(self.rate) / self.hop as f64).round() as usize
    }
}
