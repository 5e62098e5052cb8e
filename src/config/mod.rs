//! What a run is made of: typed sections with SPEC's values as defaults. A config file needs no key at all.
//!
//! In: TOML files and `--set a.b=v` overrides ([`load`]). Out: a checked [`Config`], which serialises to a file that is
//! itself a valid `--config`. Defaults are marked as SPEC marks them: [P] the paper, [A] the authors' code, [O] ours.

mod sections;

pub use sections::{
    Config, DataConfig, EvaluateConfig, FeatureConfig, Method, ModelConfig, OptimiserConfig, SceneConfig, TrainConfig,
    Variant,
};
