//! The plan of where features of a training live, from its configuration and the numbers of its segments.

use crate::config::{Config, Method, Precision};
use crate::data::features::{FeatureNeeds, FeaturePlan, FeatureShape};
use crate::evaluate::BatchPlan;
use crate::gpu::Gpu;

/// Plans the places of the features of `train` training and `validation` validation segments in
/// `config.train.precision`.
/// `classes` is the number of classes. The limit is `train.memory`, or what `gpu` has ([`Gpu::memory_to_use`]).
pub fn feature_plan(gpu: &Gpu, config: &Config, [train, validation]: [usize; 2], classes: usize) -> FeaturePlan {
    let limit = config.train.memory.map(|memory| memory.0).or_else(|| gpu.memory_to_use());
    let frames = config.features.frames(config.train.loaded_seconds());
    let shape = |examples| FeatureShape { examples, frames, bands: config.features.bands };
    let of_member = match config.train.method {
        Method::Classifier => config.train.batch,
        Method::Triplets => 3 * config.train.batch,
        Method::Prototypes => config.prototypes.way.unwrap_or(classes) * config.prototypes.support + config.train.batch,
    };
    let together = if config.search.space.is_empty() { 1 } else { config.search.together };
    let of_step = of_member * config.train.seeds.len() * together;
    let chunks = (frames / config.model.chunk_frames).max(1);
    let of_evaluation = (BatchPlan::chunks(gpu.class(), 1) / chunks).max(1);
    let needs =
        FeatureNeeds { train: shape(train), validation: shape(validation), at_once: of_step.max(of_evaluation) };
    FeaturePlan::new(limit, config.train.precision, &needs)
}

/// Returns whether features of these numbers of segments fit on the GPU as f16 but not as f32.
pub fn only_f16_fits(gpu: &Gpu, config: &Config, segments: [usize; 2], classes: usize) -> bool {
    let streamed = |precision: Precision| {
        let mut config = config.clone();
        config.train.precision = precision;
        feature_plan(gpu, &config, segments, classes).is_streamed()
    };
    // Two values share a word, and kernels copy two words at a time.
    let values = config.features.frames(config.train.loaded_seconds()) * config.features.bands;
    values.is_multiple_of(4) && streamed(Precision::F32) && !streamed(Precision::F16)
}
