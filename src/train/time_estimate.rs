//! The time that the steps of a training run take, measured on a few synthetic steps of the adapter.

use super::{Draws, PlannedData, synthetic_step};
use crate::Result;
use crate::config::{Config, Freeze, Method, StageName};
use crate::gpu::Gpu;
use crate::model::Tiles;

/// Time of a step of the tagger on frozen embeddings in seconds. It is assumed, not measured: six small dispatches.
const TAGGER_STEP_S: f64 = 3e-4;
/// Time of a measured step, in seconds, above which it is measured once alone.
const LONG_S: f64 = 1.0;

/// Estimates the time in seconds of all steps and validations of a training run of `config` with `tiles`, if no stage
/// stops before its last epoch. `draws` are those of `data`. Nothing is read, mixed or extracted.
///
/// # Errors
/// Errors of the device.
pub fn time_estimate(gpu: &Gpu, tiles: &Tiles, config: &Config, data: &PlannedData<'_>, draws: &Draws) -> Result<f64> {
    let steps = |of: fn(StageName) -> bool| -> f64 {
        draws.stages.iter().filter(|(stage, _)| of(*stage)).map(|(_, steps)| *steps as f64).sum()
    };
    let (of_e, of_g) = (steps(|stage| stage != StageName::Tagger), steps(|stage| stage == StageName::Tagger));
    let frames = config.features.frames(config.train.loaded_seconds());
    let frozen = config.train.freeze == Freeze::Embedding;
    let mut timed = config.clone();
    if frozen {
        (timed.train.freeze, timed.train.method) = (Freeze::None, Method::Classifier);
        timed.train.batch = config.tagger.batch;
    }
    let per_step = step_seconds(gpu, tiles, &timed, data.classes.len(), frames)?;
    // A forward pass over a segment takes a third of its share of a training step.
    let embedding = per_step / draws.batch_size as f64 / 3.0;
    let all = data.train.len() + data.validation;
    let tagging = of_g * TAGGER_STEP_S;
    if frozen {
        return Ok(all as f64 * embedding + tagging);
    }
    // Every epoch ends with the validation, for which triplets and prototypes embed the training segments too.
    let validated = if config.train.method == Method::Classifier { data.validation } else { all };
    let judging = validated as f64 * embedding * config.train.most_epochs() as f64;
    Ok(of_e * per_step + judging + tagging)
}

/// Measures the time of a step of E in seconds, on segments of `frames` frames.
fn step_seconds(gpu: &Gpu, tiles: &Tiles, config: &Config, classes: usize, frames: usize) -> Result<f64> {
    let step = synthetic_step(gpu, tiles, config, classes, frames)?;
    // The first step compiles kernels.
    gpu.time(&step.recording, 1)?;
    let once = gpu.time(&step.recording, 1)?.as_secs_f64();
    if once > LONG_S {
        return Ok(once);
    }
    Ok(gpu.time(&step.recording, 2)?.as_secs_f64() / 2.0)
}
