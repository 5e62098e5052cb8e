//! What a training needs, found out on paper: the same code makes the same tensors on a device that has no memory.

use super::Trainer;
use crate::Result;
use crate::config::Config;
use crate::evaluate::{Examples, SegmentLabels};
use crate::features::extract;
use crate::gpu::Gpu;

/// What a training needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryEstimate {
    /// Steps of all stages, if none stops before its last epoch.
    pub steps: u64,
    /// The most bytes that are in use on the GPU at a time: tensors and staging buffers, from the features to the last stage.
    pub bytes: u64,
}

/// The needs of a training of `config` on segments with the labels `train` ([`heard_in`](crate::evaluate::heard_in)), watched
/// on `validation` segments. `gpu` is on paper ([`Gpu::on_paper`]) and new.
///
/// # Errors
/// [`crate::Error::Config`] when batches cannot be balanced; [`crate::Error::Kernel`] naming the tensor that the adapter cannot
/// bind.
pub fn memory_estimate(
    gpu: &Gpu,
    config: &Config,
    classes: &[String],
    train: &[SegmentLabels],
    validation: usize,
) -> Result<MemoryEstimate> {
    let frames = config.features.frames(config.train.seconds);
    let examples = |labels: Vec<SegmentLabels>| -> Result<Examples> {
        let silence = |_: usize| Ok(Vec::new());
        let store = extract(gpu, &config.features, labels.len(), frames, &silence, &|_| {})?;
        Examples::new(gpu, store, labels, classes.len())
    };
    let (train, validation) = (examples(train.to_vec())?, examples(vec![SegmentLabels::default(); validation])?);
    let mut trainer = Trainer::new(gpu, config, classes, &train, &validation, String::new())?;
    let steps = trainer.total_steps();
    trainer.dry_run_stages()?;
    Ok(MemoryEstimate { steps, bytes: gpu.peak_bytes() })
}
