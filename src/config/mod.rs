//! The configuration of a run: typed sections with SPEC's values as defaults, so that a configuration file need not set
//! any key.
//!
//! In: TOML files and `--set a.b=v` edits ([`read_config`]). Out: a checked [`Config`], which [`to_toml`] writes as a
//! file that is itself a valid `--config`. Defaults are marked as in SPEC: (P) the paper, (A) the authors' code, (O)
//! ours.

mod byte_count;
mod duration;
mod key_names;
mod load;
mod quoted;
mod sections;
mod stage;
mod training_keys;
mod validate;

pub use byte_count::ByteCount;
pub use duration::{decimal_comma, duration, seconds};
pub use key_names::{key_names, keys_called};
pub use load::{SetKeys, assign, edit, keys_set, parse_config, read_config, to_explicit_toml, to_toml};
pub use sections::{
    BatchSampling, CellConfig, Config, Crop, DataConfig, EvaluateConfig, FeatureConfig, Freeze, KeepFeatures, Method,
    ModelConfig, Normalise, Objective, OptimiserConfig, Precision, PrototypeConfig, Sampling, SceneConfig,
    SearchConfig, SpaceConfig, StudyConfig, TableConfig, TaggerConfig, TrainConfig, TripletConfig, TripletGradient,
    Variant, WatchedScore,
};
pub use stage::StageName;
pub use training_keys::{Keys, decides_end, is_used, training_keys};
pub use validate::{validate, validate_model};
