//! The sections of a configuration and their defaults.

mod data;
mod model;
mod search;
mod study;
mod train;

use serde::{Deserialize, Serialize};

pub use data::{DataConfig, FeatureConfig, SceneConfig, TableConfig, Variant};
pub use model::ModelConfig;
pub use search::{Objective, SearchConfig, SpaceConfig};
pub use study::{CellConfig, StudyConfig};
pub use train::{
    BatchSampling, Crop, EvaluateConfig, Freeze, KeepFeatures, Method, Normalise, OptimiserConfig, Precision,
    PrototypeConfig, Sampling, TaggerConfig, TrainConfig, TripletConfig, TripletGradient, WatchedScore,
};

/// A whole configuration.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Clips: a dataset on disk, or settings for generating one.
    pub data: DataConfig,
    /// Mixing of a clip (SPEC §6).
    pub scene: SceneConfig,
    /// Log-mel features (SPEC §1).
    pub features: FeatureConfig,
    /// Networks E and G (SPEC §§2, 3).
    pub model: ModelConfig,
    /// Training (SPEC §§4, 5).
    pub train: TrainConfig,
    /// Triplet loss (SPEC §4.2).
    pub triplets: TripletConfig,
    /// Prototypical loss (SPEC §4.3).
    pub prototypes: PrototypeConfig,
    /// G on frozen embeddings, the second stage of triplets and prototypes (SPEC §4.4).
    pub tagger: TaggerConfig,
    /// Update rule (SPEC §4).
    pub optimiser: OptimiserConfig,
    /// Evaluation (SPEC §5).
    pub evaluate: EvaluateConfig,
    /// Trainings of `reproduce`.
    pub study: StudyConfig,
    /// Trainings of `search`.
    pub search: SearchConfig,
}

impl Config {
    /// Returns the normalisation to unit length that `method` applies before distances are taken; none for the
    /// classifier.
    pub fn normalise(&self, method: Method) -> Normalise {
        match method {
            Method::Classifier => Normalise::None,
            Method::Triplets => self.triplets.normalise,
            Method::Prototypes => self.prototypes.normalise,
        }
    }
}
