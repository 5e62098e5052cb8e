//! The sections of a configuration and their defaults.

use std::fmt;
use std::path::PathBuf;

use serde::de::value::SeqAccessDeserializer;
use serde::de::{self, Deserializer, SeqAccess, Unexpected, Visitor};
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
    /// Triplet loss (SPEC §4.2).
    pub triplets: TripletConfig,
    /// Prototypical loss (SPEC §4.3).
    pub prototypes: PrototypeConfig,
    /// G on frozen embeddings, behind triplets and prototypes (SPEC §4.4).
    pub tagger: TaggerConfig,
    /// The update rule (SPEC §4).
    pub optimiser: OptimiserConfig,
    /// How they are judged (SPEC §5).
    pub evaluate: EvaluateConfig,
    /// Which trainings `reproduce` makes of all this.
    pub study: StudyConfig,
    /// Which trainings `search` makes of all this.
    pub search: SearchConfig,
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
    /// DESED's co-occurrence JSON: which events accompany a clip's main one. Any class, with the same chance, when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cooccurrence: Option<PathBuf>,
    /// Training clips in all, balanced over the classes: 2 700 (P).
    pub train: usize,
    /// Validation clips in all: 300 (P).
    pub validation: usize,
    /// Evaluation clips in all: 750 (P).
    pub eval: usize,
    /// Whole events, or events cut to 200 ms.
    pub variant: Variant,
    /// Seed of everything that is drawn about the data.
    pub seed: u64,
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
        }
    }
}

/// The two datasets of the paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
pub enum Variant {
    /// Events as they are (weakly annotated audio).
    #[default]
    #[serde(rename = "waa")]
    Waa,
    /// Every event cut to a random 200 ms of itself before mixing.
    #[serde(rename = "200ms")]
    #[value(name = "200ms")]
    Ms200,
}

impl Variant {
    /// The name used in configs, flags and results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waa => "waa",
            Self::Ms200 => "200ms",
        }
    }
}

/// How a clip is mixed (SPEC §6).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SceneConfig {
    /// Length of a clip in seconds: 10 (P).
    pub clip_s: f64,
    /// Rate clips are mixed at, in Hz; sources of another rate are resampled to it: 44 100 (P).
    pub rate: u32,
    /// Fewest and most events of a clip: one (P). Every number has the same chance.
    pub events: [usize; 2],
    /// Bounds of an event's level over the background, in dB: 6 to 30 (P).
    pub snr_db: [f64; 2],
    /// Loudness of the background in LUFS: −50 (A).
    pub background_lufs: f64,
    /// Signals shorter than this many seconds are repeated before their loudness is measured: 0.5 (A).
    pub loudness_min_s: f64,
    /// Lowest loudness that is reported, in LUFS: −70 (A).
    pub loudness_floor_lufs: f64,
    /// Length of the sine fades at both ends of an event, in seconds: 0.01 (A).
    pub fade_s: f64,
    /// An onset leaves at least this many seconds of the clip: 0.25 (A).
    pub onset_margin_s: f64,
    /// Length events are cut to in the 200 ms dataset, in seconds: 0.2 (P).
    pub short_event_s: f64,
    /// A mix above full scale is scaled to this peak: 0.99 (O).
    pub peak: f64,
    /// Share of each class's training files held back for validation when the soundbank has no validation folder: 0.1 (O).
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

/// From audio to log-mel (SPEC §1).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FeatureConfig {
    /// Working rate in Hz: 16 000 (P).
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
    /// Added to a mel value before the logarithm: 0.01 (A).
    pub log_offset: f64,
    /// Added to the variance and to the standard deviation: 2.2e-16 (A).
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
    /// Frames of a segment of `seconds` (SPEC §1): round(100·S) at the default rate and hop.
    pub fn frames(&self, seconds: f64) -> usize {
        (seconds * f64::from(self.rate) / self.hop as f64).round() as usize
    }
}

/// The networks E and G (SPEC §§2, 3).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelConfig {
    /// Frames per chunk: 20 (P).
    pub chunk_frames: usize,
    /// Output channels of each convolution: 16, 16, 32, 65 (A).
    pub filters: Vec<usize>,
    /// Max-pool window of each convolution as [time, mel]: 2×2, 2×2, 1×4, 1×2 (A).
    pub pools: Vec<[usize; 2]>,
    /// Side of the convolution kernels, odd; stride 1, padded to keep the size: 3 (A).
    pub kernel: usize,
    /// Slope of LeakyReLU below zero: 0.2 (A).
    pub slope: f64,
    /// Dropout probability: 0.2 (A).
    pub dropout: f64,
    /// Units of each hidden layer of the classifier: 32 (P). A number alone is one layer, an empty list none.
    #[serde(deserialize_with = "one_or_several")]
    pub hidden: Vec<usize>,
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
            hidden: vec![32],
        }
    }
}

/// A list of numbers, or one number for a list of one. An untagged enum would say neither what was found nor where.
fn one_or_several<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<usize>, D::Error> {
    struct OneOrSeveral;

    impl<'de> Visitor<'de> for OneOrSeveral {
        type Value = Vec<usize>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a number of units or a list of them")
        }

        fn visit_i64<E: de::Error>(self, value: i64) -> Result<Self::Value, E> {
            let one = usize::try_from(value).map_err(|_| E::invalid_value(Unexpected::Signed(value), &self))?;
            Ok(vec![one])
        }

        fn visit_u64<E: de::Error>(self, value: u64) -> Result<Self::Value, E> {
            let one = usize::try_from(value).map_err(|_| E::invalid_value(Unexpected::Unsigned(value), &self))?;
            Ok(vec![one])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, several: A) -> Result<Self::Value, A::Error> {
            Deserialize::deserialize(SeqAccessDeserializer::new(several))
        }
    }

    deserializer.deserialize_any(OneOrSeveral)
}

/// The ways to train.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// E and G together on binary cross-entropy (SPEC §4.1).
    #[default]
    Classifier,
    /// E on triplet loss (SPEC §4.2), then G on its frozen embeddings.
    Triplets,
    /// E on prototypical loss (SPEC §4.3), then G on its frozen embeddings.
    Prototypes,
}

impl Method {
    /// The name used in configs, flags and results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Classifier => "classifier",
            Self::Triplets => "triplets",
            Self::Prototypes => "prototypes",
        }
    }

    /// All of them, in the paper's order.
    pub fn all() -> [Self; 3] {
        [Self::Classifier, Self::Triplets, Self::Prototypes]
    }
}

/// What is scaled to unit length before distances are taken (SPEC §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Normalise {
    /// Nothing.
    None,
    /// The embedding of a segment.
    Segment,
    /// Every time step of E's output, before the mean over them.
    Frame,
}

/// Which embeddings of a triplet the loss moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TripletGradient {
    /// Anchor, positive and negative.
    All,
    /// The anchor.
    Anchor,
}

/// Where the negatives of triplets come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sampling {
    /// Drawn from the examples of the other classes.
    #[serde(rename = "random")]
    Random,
    /// Of the batch: the nearest that is farther from the anchor than the positive.
    #[serde(rename = "semi_hard")]
    SemiHard,
    /// Of the batch: the nearest.
    #[serde(rename = "hard")]
    Hard,
}

/// Triplet loss (SPEC §4.2).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TripletConfig {
    /// How much farther than the positive the negative has to be, as a squared distance: 0.5 (O).
    pub margin: f64,
    /// Which embeddings the loss moves: all (O).
    pub gradient: TripletGradient,
    /// Where negatives come from: random.
    pub sampling: Sampling,
    /// What is scaled to unit length: the segment (P).
    pub normalise: Normalise,
}

impl Default for TripletConfig {
    fn default() -> Self {
        Self { margin: 0.5, gradient: TripletGradient::All, sampling: Sampling::Random, normalise: Normalise::Segment }
    }
}

/// Prototypical loss (SPEC §4.3). A step has `train.batch` queries, the same number of each of its classes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PrototypeConfig {
    /// Classes of a step; all of them when absent (A).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub way: Option<usize>,
    /// Examples of a class that its prototype is the mean of: 1 (A).
    pub support: usize,
    /// What is scaled to unit length: none (A).
    pub normalise: Normalise,
}

impl Default for PrototypeConfig {
    fn default() -> Self {
        Self { way: None, support: 1, normalise: Normalise::None }
    }
}

/// G on frozen embeddings (SPEC §4.4). Patience and the decays of Adam's moments are those of `train` and `optimiser`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TaggerConfig {
    /// Most epochs: 200 (A).
    pub epochs: usize,
    /// Examples per step, a multiple of the number of classes: 20 (A).
    pub batch: usize,
    /// Learning rate: 1e-3 (A).
    pub lr: f64,
    /// Decoupled weight decay: 0, which is Adam (A).
    pub weight_decay: f64,
}

impl Default for TaggerConfig {
    fn default() -> Self {
        Self { epochs: 200, batch: 20, lr: 1e-3, weight_decay: 0.0 }
    }
}

impl Config {
    /// What `method` scales to unit length before distances are taken; nothing for the classifier.
    pub fn normalise(&self, method: Method) -> Normalise {
        match method {
            Method::Classifier => Normalise::None,
            Method::Triplets => self.triplets.normalise,
            Method::Prototypes => self.prototypes.normalise,
        }
    }
}

/// How the networks are trained (SPEC §§4, 5).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// The method: classifier, triplets or prototypes.
    pub method: Method,
    /// Length of the training and validation segments in seconds: 1.
    pub seconds: f64,
    /// Most epochs; when absent 200, for triplets 500 (A).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs: Option<usize>,
    /// Examples, anchors (triplets) or queries (prototypes) per step, a multiple of the number of classes: 10 (A).
    pub batch: usize,
    /// One model per seed, all trained together as one population.
    pub seeds: Vec<u64>,
    /// Stop when this many epochs have passed since the best one: 30 (A).
    pub patience: usize,
    /// Never stop G up to and including this epoch, be it trained end to end or on frozen embeddings: 50 (A).
    pub min_epochs: usize,
    /// Seconds between checkpoints, written at the end of an epoch: 10 (O).
    pub checkpoint_s: f64,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            method: Method::Classifier,
            seconds: 1.0,
            epochs: None,
            batch: 10,
            seeds: vec![1],
            patience: 30,
            min_epochs: 50,
            checkpoint_s: 10.0,
        }
    }
}

impl TrainConfig {
    /// Most epochs of the method.
    pub fn most_epochs(&self) -> usize {
        self.epochs.unwrap_or(if self.method == Method::Triplets { 500 } else { 200 })
    }
}

/// The update rule (SPEC §4): AdamW, or Adam when the decay is 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OptimiserConfig {
    /// Learning rate: 1e-3 (A).
    pub lr: f64,
    /// Decay of the first moment: 0.9 (A).
    pub beta1: f64,
    /// Decay of the second moment: 0.999 (A).
    pub beta2: f64,
    /// Added to the root of the second moment: 1e-8 (A).
    pub epsilon: f64,
    /// Decoupled weight decay: 1e-2 (A).
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
    /// Lengths of the evaluation segments in seconds: 0.2, 1, 10 (P).
    pub seconds: Vec<f64>,
    /// A class is present when its output exceeds this: 0.5 (P).
    pub threshold: f64,
}

impl Default for EvaluateConfig {
    fn default() -> Self {
        Self { seconds: vec![0.2, 1.0, 10.0], threshold: 0.5 }
    }
}

/// The grid of a study: every combination of dataset, method and training length is a cell (SPEC §7).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StudyConfig {
    /// What the report is called.
    pub title: String,
    /// Datasets: the 200 ms one and WAA1 (P).
    pub variants: Vec<Variant>,
    /// Methods: all three (P).
    pub methods: Vec<Method>,
    /// Lengths of the training segments in seconds: 0.2, 1, 10 (P).
    pub seconds: Vec<f64>,
    /// Seeds of each cell, counted from 1 and trained together: 5 (O).
    pub seeds: usize,
    /// Events up to this many seconds are the report's short ones: 1 (O).
    pub short_s: f64,
    /// What differs in some of the cells.
    #[serde(rename = "cell", skip_serializing_if = "Vec::is_empty")]
    pub cells: Vec<CellConfig>,
}

impl Default for StudyConfig {
    fn default() -> Self {
        Self {
            title: "Limitations of weak labels for embedding and tagging".into(),
            variants: vec![Variant::Ms200, Variant::Waa],
            methods: Method::all().to_vec(),
            seconds: vec![0.2, 1.0, 10.0],
            seeds: 5,
            short_s: 1.0,
            cells: Vec::new(),
        }
    }
}

/// What differs in the cells that match; a key that is absent matches all.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CellConfig {
    /// The dataset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<Variant>,
    /// The method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<Method>,
    /// Length of the training segments in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// `key.path=value` edits, as `--set` takes them.
    pub set: Vec<String>,
}

/// A search by asynchronous successive halving (Li et al., arXiv 1810.05934): trials climb rungs of more and more epochs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SearchConfig {
    /// What the report is called.
    pub title: String,
    /// Configurations that are tried: 60 (O).
    pub trials: usize,
    /// One of this many goes on to the next rung, with as many times the epochs: 3 (O).
    pub eta: usize,
    /// Epochs of the first rung: 1 (O).
    pub minimum: usize,
    /// Rungs: 4 (O), with the defaults 1, 3, 9 and 27 epochs.
    pub rungs: usize,
    /// What trials are compared by, their best validation score up to a rung: that of the method's first stage when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objective: Option<Objective>,
    /// Seed of what is drawn for the trials; the seeds of every trial's models are `train.seeds`.
    pub seed: u64,
    /// Most trials that train as one population, if they differ in learning rate and weight decay only: 4 (O).
    pub together: usize,
    /// What is drawn, in this order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub space: Vec<SpaceConfig>,
}

impl Default for SearchConfig {
    fn default() -> Self {
        Self {
            title: "Search".into(),
            trials: 60,
            eta: 3,
            minimum: 1,
            rungs: 4,
            objective: None,
            seed: 1,
            together: 4,
            space: Vec::new(),
        }
    }
}

/// What trials of a search are compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Objective {
    /// Macro-F1 on the validation segments, of the classifier.
    #[serde(rename = "macro_f1")]
    MacroF1,
    /// F(x), the share of validation segments nearest to the mean of their own class, of triplets and prototypes.
    #[serde(rename = "fx")]
    Fx,
}

impl Objective {
    /// What `method` is watched by in its first stage.
    pub fn of(method: Method) -> Self {
        if method == Method::Classifier { Self::MacroF1 } else { Self::Fx }
    }

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::MacroF1 => "macro-F1",
            Self::Fx => "F(x)",
        }
    }
}

/// One thing that is drawn for every trial, in exactly one of four ways.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SpaceConfig {
    /// A key such as `optimiser.lr`, an element of a list such as `model.filters[3]`, or a word of one's own that other
    /// entries have as their condition.
    pub name: String,
    /// One of these values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub choice: Vec<toml::Value>,
    /// A number in [low, high), every one as likely as another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uniform: Option<[f64; 2]>,
    /// A number in [low, high), every ratio as likely as another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_uniform: Option<[f64; 2]>,
    /// An integer from low to high, both included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub integer: Option<[i64; 2]>,
    /// Entries above and the value they must have, or a list of values, for this one to be drawn.
    #[serde(skip_serializing_if = "toml::Table::is_empty")]
    pub when: toml::Table,
}
