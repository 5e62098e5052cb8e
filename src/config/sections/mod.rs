//! The sections of a configuration and their defaults.

mod data;
mod model;
mod search;
mod study;
mod train;

use serde::{Deserialize, Serialize};

pub use data::{DataConfig, FeatureConfig, SceneConfig, Variant};
pub use model::ModelConfig;
pub use search::{Objective, SearchConfig, SpaceConfig};
pub use study::{CellConfig, StudyConfig};
pub use train::{
    EvaluateConfig, Method, Normalise, OptimiserConfig, PrototypeConfig, Sampling, TaggerConfig, TrainConfig,
    TripletConfig, TripletGradient,
};

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
