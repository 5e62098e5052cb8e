//! The memory that a training run needs, measured in a dry run: the training's own code makes its tensors on a device
//! that has no memory.

use super::{Trainer, TrainingData, feature_plan};
use crate::Result;
use crate::config::{Config, Crop, Precision};
use crate::data::features::{
    ExampleStore, FeaturePlacement, FeaturePlan, PlannedFeatures, Scaling, Statistics, block, extract,
};
use crate::evaluate::{Examples, SegmentLabels};
use crate::gpu::Gpu;
use crate::model::Tiles;

/// Steps and GPU memory of a training run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryEstimate {
    /// Number of steps of all stages, if no stage stops before its last epoch.
    pub steps: u64,
    /// Peak GPU memory in bytes: tensors and staging buffers, from feature extraction to the last stage.
    pub bytes: u64,
    /// Places of the features.
    pub plan: FeaturePlan,
}

/// The data of a training run before any feature is computed.
#[derive(Debug, Clone, Copy)]
pub struct PlannedData<'a> {
    /// Class names.
    pub classes: &'a [String],
    /// Labels of the training segments ([`SegmentSource::labels`](crate::evaluate::SegmentSource::labels)).
    pub train: &'a [SegmentLabels],
    /// Number of validation segments.
    pub validation: usize,
}

/// Estimates the memory of a training run of `config` with `tiles` on `data`. `gpu` is a new device for a dry run
/// ([`Gpu::dry_run`]).
///
/// # Errors
/// [`crate::Error::Config`] when batches cannot be balanced; [`crate::Error::Kernel`] with the name of the tensor that
/// is too large for one binding of the adapter.
pub fn memory_estimate(gpu: &Gpu, tiles: &Tiles, config: &Config, data: &PlannedData<'_>) -> Result<MemoryEstimate> {
    let plan = feature_plan(gpu, config, [data.train.len(), data.validation], data.classes.len());
    let examples = |labels: Vec<SegmentLabels>, placement: &FeaturePlacement| -> Result<Examples> {
        let store = planned(gpu, config, placement)?;
        let count = labels.len();
        let examples = Examples::new(gpu, store, labels, data.classes.len())?;
        // The plan assumes that some clip is shorter than its segment, which takes a few more bytes.
        if config.train.crop == Crop::Event || count == 0 {
            Ok(examples)
        } else {
            examples.with_real_frames(gpu, &vec![1; count])
        }
    };
    let train = examples(data.train.to_vec(), &plan.train)?;
    let validation = examples(vec![SegmentLabels::default(); data.validation], &plan.validation)?;
    let data = TrainingData::of(config, data.classes, train, validation);
    let mut trainer = Trainer::new(gpu, tiles, config, &data)?;
    let steps = trainer.total_steps();
    trainer.dry_run_stages()?;
    Ok(MemoryEstimate { steps, bytes: gpu.peak_bytes(), plan })
}

/// Makes the tensors of features at their place, as loading them does.
fn planned(gpu: &Gpu, config: &Config, placement: &FeaturePlacement) -> Result<ExampleStore> {
    let FeaturePlacement { shape, precision, room } = *placement;
    let silence = |_: usize| Ok((Vec::new(), ()));
    let extracted = |examples: usize| -> Result<ExampleStore> {
        Ok(extract(gpu, &config.features, examples, shape.frames, &silence, &|_| {})?.0)
    };
    if room.is_none() && precision == Precision::F32 {
        return extracted(shape.examples);
    }
    // Features that go to a file are extracted block by block.
    let extracted = extracted(shape.examples.min(block(shape)))?;
    extracted.shards().iter().try_for_each(|shard| gpu.download(&shard.tensor).map(drop))?;
    drop(extracted);
    let statistics = Statistics::identity(shape.bands);
    let scaling = Scaling { statistics: &statistics, epsilon: config.features.epsilon, precision };
    match room {
        Some(room) => ExampleStore::streamed(gpu, Box::new(PlannedFeatures), shape, room, &scaling),
        None => ExampleStore::half(gpu, &PlannedFeatures, shape, &scaling),
    }
}
