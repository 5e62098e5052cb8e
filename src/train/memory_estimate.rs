//! The memory that a training run needs, measured in a dry run: the training's own code makes its tensors on a device
//! that has no memory.

use super::{Trainer, TrainingData};
use crate::Result;
use crate::config::Config;
use crate::data::features::extract;
use crate::evaluate::{Examples, SegmentLabels};
use crate::gpu::Gpu;

/// Steps and GPU memory of a training run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryEstimate {
    /// Number of steps of all stages, if no stage stops before its last epoch.
    pub steps: u64,
    /// Peak GPU memory in bytes: tensors and staging buffers, from feature extraction to the last stage.
    pub bytes: u64,
}

/// Estimates the memory of a training run of `config` on segments with the labels `train`
/// ([`segment_labels`](crate::evaluate::segment_labels)) and `validation` validation segments. `gpu` is a new device
/// for a dry run ([`Gpu::dry_run`]).
///
/// # Errors
/// [`crate::Error::Config`] when batches cannot be balanced; [`crate::Error::Kernel`] with the name of the tensor that
/// is too large for one binding of the adapter.
pub fn memory_estimate(
    gpu: &Gpu,
    config: &Config,
    classes: &[String],
    train: &[SegmentLabels],
    validation: usize,
) -> Result<MemoryEstimate> {
    let frames = config.features.frames(config.train.seconds);
    let examples = |labels: Vec<SegmentLabels>| -> Result<Examples> {
        let silence = |_: usize| Ok((Vec::new(), ()));
        let (store, _) = extract(gpu, &config.features, labels.len(), frames, &silence, &|_| {})?;
        Examples::new(gpu, store, labels, classes.len())
    };
    let (train, validation) = (examples(train.to_vec())?, examples(vec![SegmentLabels::default(); validation])?);
    let data = TrainingData::of(config, classes, train, validation);
    let mut trainer = Trainer::new(gpu, config, &data)?;
    let steps = trainer.total_steps();
    trainer.dry_run_stages()?;
    Ok(MemoryEstimate { steps, bytes: gpu.peak_bytes() })
}
