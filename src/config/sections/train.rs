//! Sections for training and evaluation: methods, losses, update rule.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::config::ByteCount;

/// The training methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// The whole network on the labels, end to end.
    #[default]
    Classifier,
    /// An embedding by triplet loss, then a classifier on the frozen embedding.
    Triplets,
    /// An embedding by prototypical loss, then a classifier on the frozen embedding.
    Prototypes,
}

impl Method {
    /// Returns the name used in configs, flags and results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Classifier => "classifier",
            Self::Triplets => "triplets",
            Self::Prototypes => "prototypes",
        }
    }

    /// Returns all methods in the paper's order.
    pub fn all() -> [Self; 3] {
        [Self::Classifier, Self::Triplets, Self::Prototypes]
    }
}

/// The vectors that are scaled to unit length before distances are taken (SPEC §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Normalise {
    /// No vector.
    None,
    /// The embedding of a segment.
    Segment,
    /// Every time step of E's output, before the mean over them.
    Frame,
}

/// The embeddings of a triplet that receive the gradient of the loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TripletGradient {
    /// Anchor, positive and negative.
    All,
    /// The anchor.
    Anchor,
}

/// The source of the negatives of triplets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sampling {
    /// A random example of another class.
    #[serde(rename = "random")]
    Random,
    /// The nearest example of another class in the batch that is farther from the anchor than the positive.
    #[serde(rename = "semi_hard")]
    SemiHard,
    /// The nearest example of another class in the batch.
    #[serde(rename = "hard")]
    Hard,
}

/// The rule by which the segments of an epoch are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BatchSampling {
    /// Batches with the same number of segments of every class, without replacement, until the smallest class is used
    /// up (SPEC §4).
    #[default]
    Paper,
    /// The class that was heard least is next. Rare classes repeat, and segments without a class are drawn too.
    Balanced,
    /// Every segment once, in random order.
    Natural,
}

impl BatchSampling {
    /// Returns whether this is the default, which is not serialised: configurations of earlier builds, and training
    /// states that were written under them, have no such key.
    pub(crate) fn is_paper(&self) -> bool {
        *self == Self::Paper
    }
}

/// Triplet loss (SPEC §4.2).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TripletConfig {
    /// Margin by which the negative must be farther from the anchor than the positive, as a squared distance: 0.5 (O).
    pub margin: f64,
    /// Embeddings that receive the gradient of the loss: all (O).
    pub gradient: TripletGradient,
    /// Source of the negatives: random.
    pub sampling: Sampling,
    /// Vectors that are scaled to unit length: the segment (P).
    pub normalise: Normalise,
}

impl Default for TripletConfig {
    fn default() -> Self {
        Self { margin: 0.5, gradient: TripletGradient::All, sampling: Sampling::Random, normalise: Normalise::Segment }
    }
}

/// Prototypical loss (SPEC §4.3). A step has `train.batch` queries, the same number for each of its classes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PrototypeConfig {
    /// Number of classes in a step; all classes when absent (A).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub way: Option<usize>,
    /// Number of examples whose mean is the prototype of a class: 1 (A).
    pub support: usize,
    /// Vectors that are scaled to unit length: none (A).
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
    /// Largest number of epochs: 200 (A).
    pub epochs: usize,
    /// Examples per step: 20 (A). With `train.sampling = "paper"`, a multiple of the number of classes.
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

/// The part of a clip that a training segment holds. Where a clip is shorter than the segment, [`Crop::Event`] fills up
/// with silence, and the others leave the rest out of every mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Crop {
    /// A part around or inside the longest event, the same in every epoch (P). It needs the times of events: without
    /// them, the part may miss what its labels say.
    #[default]
    Event,
    /// The whole clip; of a clip that is longer than a segment, a random part, the same in every epoch.
    Whole,
    /// A random part of the clip, another one in every epoch. Validation uses the whole clip.
    Random,
}

/// The validation score of G by which the best epoch is chosen and a training stops early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum WatchedScore {
    /// Macro-F1 at `evaluate.threshold` (A).
    #[default]
    #[serde(rename = "macro_f1")]
    MacroF1,
    /// mAP, the mean of average precision over the classes, which depends on no threshold.
    #[serde(rename = "map")]
    Map,
}

/// The parameters that a training leaves as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Freeze {
    /// None.
    #[default]
    None,
    /// The parameters of E. G alone is trained, on embeddings that are computed once.
    Embedding,
}

/// The number format in which training and validation features are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Single precision, 4 bytes a value.
    #[default]
    F32,
    /// Half precision, 2 bytes a value: standardised features rounded to 11 binary digits. Arithmetic stays in f32.
    F16,
}

impl Precision {
    /// Returns the name used in configurations and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
        }
    }

    /// Returns the number of bytes of a value.
    pub fn bytes(self) -> u64 {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
        }
    }
}

/// Whether the features of training and validation are kept in a file for later trainings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeepFeatures {
    /// Kept where computing them took more than five seconds, and where the training needs the file.
    #[default]
    Auto,
    /// Always kept.
    On,
    /// Neither written nor read.
    Off,
}

/// Training of the networks (SPEC §§4, 5).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// Method: classifier, triplets or prototypes.
    pub method: Method,
    /// Length of the training and validation segments in seconds: 1.
    pub seconds: f64,
    /// Largest number of epochs; when absent 200, for triplets 500 (A).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs: Option<usize>,
    /// The part of a clip that a training segment holds: event (P), whole or random.
    #[serde(skip_serializing_if = "is_default")]
    pub crop: Crop,
    /// Longest part of a clip, in seconds, from which random crops are taken and which validation uses with them: 10
    /// (O).
    #[serde(skip_serializing_if = "is_default_clip")]
    pub clip_s: f64,
    /// Examples, anchors (triplets) or queries (prototypes) per step: 10 (A). A multiple of the number of classes with
    /// `sampling = "paper"`, and for prototypes always.
    pub batch: usize,
    /// Rule by which the segments of an epoch are drawn, in all stages: paper.
    #[serde(skip_serializing_if = "BatchSampling::is_paper")]
    pub sampling: BatchSampling,
    /// Share of the draws of `sampling = "balanced"` that take a segment without a class, from 0 to below 1 (O). When
    /// absent, such segments are drawn as often as those of one class: 1 / (classes + 1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub negatives: Option<f64>,
    /// Seeds, one for each model; all models train together as one population.
    pub seeds: Vec<u64>,
    /// Validation score that decides which epoch is the best: macro_f1 (A) or map. E alone always watches F(x).
    #[serde(skip_serializing_if = "is_default")]
    pub watch: WatchedScore,
    /// Number of epochs without a new best one that training tolerates before it stops: 30 (A).
    pub patience: usize,
    /// Last epoch, counted from 0, up to which G is never stopped early, end to end or on frozen embeddings: 50 (A).
    pub min_epochs: usize,
    /// Trained model from whose parameters the training starts, a file or a run folder with one model; random
    /// parameters when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init: Option<PathBuf>,
    /// Parameters that the training leaves as they are: none (O), or embedding, those of E. Then G is trained by the
    /// settings of `tagger`.
    #[serde(skip_serializing_if = "is_default")]
    pub freeze: Freeze,
    /// Seconds between checkpoints, written at the end of an epoch: 10 (O).
    pub checkpoint_s: f64,
    /// Number format of the features, f32 or f16: f32, unless `weaklabel train` finds that only f16 fits.
    #[serde(skip_serializing_if = "is_default")]
    pub precision: Precision,
    /// Memory on the GPU that a training may take, as in "2GiB" (O). When absent, nine tenths of the memory that the
    /// adapter reports, or half of it where the adapter computes on the CPU.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<ByteCount>,
    /// Whether features are kept in the folder for caches: auto, on or off (O).
    #[serde(skip_serializing_if = "is_default")]
    pub cache: KeepFeatures,
}

/// Default of [`TrainConfig::clip_s`].
const DEFAULT_CLIP_S: f64 = 10.0;

/// Whether `value` is its type's default, which a configuration file need not name.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn is_default_clip(seconds: &f64) -> bool {
    *seconds == DEFAULT_CLIP_S
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            method: Method::Classifier,
            seconds: 1.0,
            epochs: None,
            crop: Crop::default(),
            clip_s: DEFAULT_CLIP_S,
            batch: 10,
            sampling: BatchSampling::Paper,
            negatives: None,
            seeds: vec![1],
            watch: WatchedScore::MacroF1,
            patience: 30,
            min_epochs: 50,
            init: None,
            freeze: Freeze::None,
            checkpoint_s: 10.0,
            precision: Precision::F32,
            memory: None,
            cache: KeepFeatures::Auto,
        }
    }
}

impl TrainConfig {
    /// Returns the length of the segments that are loaded, in seconds: that of training segments, or that of the parts
    /// from which they are cropped.
    pub fn loaded_seconds(&self) -> f64 {
        if self.crop == Crop::Random { self.clip_s } else { self.seconds }
    }

    /// Returns the largest number of epochs of the method.
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
    /// Offset added to the root of the second moment: 1e-8 (A).
    pub epsilon: f64,
    /// Decoupled weight decay: 1e-2 (A).
    pub weight_decay: f64,
}

impl Default for OptimiserConfig {
    fn default() -> Self {
        Self { lr: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 1e-2 }
    }
}

/// Evaluation of the networks (SPEC §5).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EvaluateConfig {
    /// Lengths of the evaluation segments in seconds: 0.2, 1, 10 (P).
    pub seconds: Vec<f64>,
    /// Output above which a class counts as present: 0.5 (P).
    pub threshold: f64,
}

impl Default for EvaluateConfig {
    fn default() -> Self {
        Self { seconds: vec![0.2, 1.0, 10.0], threshold: 0.5 }
    }
}
