//! What a study takes, found out before it starts: the steps of every cell timed on random features, and its memory.

use super::Cell;
use crate::Result;
use crate::config::{Config, Method, Variant};
use crate::evaluate::Heard;
use crate::gpu::Gpu;
use crate::train::{StageName, rehearsal};

/// Time and memory of one cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Steps of all stages, if none stops before its last epoch.
    pub steps: u64,
    /// Seconds until then, without reading or mixing clips.
    pub seconds: f64,
    /// Bytes on the GPU.
    pub bytes: u64,
}

/// Times a few steps of each of `cells`, for clips of `classes` classes that are spread evenly. Cells that differ in
/// their dataset only take the same time.
///
/// # Errors
/// What the device reports.
pub fn estimates(gpu: &Gpu, cells: &[&Cell], classes: usize) -> Result<Vec<Estimate>> {
    let mut found: Vec<(Config, Estimate)> = Vec::new();
    for cell in cells {
        let mut key = cell.config.clone();
        key.data.variant = Variant::default();
        let known = found.iter().find(|(other, _)| *other == key).map(|(_, estimate)| *estimate);
        let estimate = known.map_or_else(|| estimate(gpu, cell, classes), Ok)?;
        found.push((key, estimate));
    }
    Ok(found.into_iter().map(|(_, estimate)| estimate).collect())
}

fn estimate(gpu: &Gpu, cell: &Cell, classes: usize) -> Result<Estimate> {
    let config = &cell.config;
    let before = gpu.allocated_bytes();
    let step = rehearsal(gpu, config, classes, config.features.frames(cell.seconds))?;
    // The first step compiles kernels.
    step.time(gpu, 1)?;
    let per_step = step.time(gpu, 2)?.as_secs_f64() / 2.0;
    let working = gpu.allocated_bytes() - before;
    let heard: Vec<Heard> = (0..config.data.train).map(|clip| Heard::one(clip % classes, cell.seconds)).collect();
    let names: Vec<String> = (0..classes).map(|class| class.to_string()).collect();
    let stages = StageName::of(cell.method).iter().map(|stage| {
        let steps = stage.episodes(config, &heard, &names)?.steps();
        Ok((steps * stage.epochs(config)) as u64)
    });
    let stages = stages.collect::<Result<Vec<_>>>()?;
    // Every epoch ends with the forward pass of all that is judged: a third of what a training step does with a frame.
    let per_frame = per_step / cell.frames_per_step(classes) as f64;
    let clips = match cell.method {
        Method::Classifier => config.data.validation,
        Method::Triplets | Method::Prototypes => config.data.train + config.data.validation,
    };
    let frames = clips * config.features.frames(cell.seconds) * config.train.seeds.len();
    let judging = per_frame * frames as f64 / 3.0 * config.train.most_epochs() as f64;
    let tagging: f64 = stages[1..].iter().map(|steps| *steps as f64 * TAGGER_STEP_S).sum();
    Ok(Estimate {
        steps: stages.iter().sum(),
        seconds: per_step * stages[0] as f64 + judging + tagging,
        bytes: working + store_bytes(config),
    })
}

/// About what six dispatches of a few microseconds of work take anywhere.
const TAGGER_STEP_S: f64 = 3e-4;

/// Bytes of the features of all segments of a cell.
fn store_bytes(config: &Config) -> u64 {
    let frames = |seconds: f64| config.features.frames(seconds) as u64;
    let own = (config.data.train + config.data.validation) as u64 * frames(config.train.seconds);
    let eval: u64 = config.evaluate.seconds.iter().map(|s| config.data.eval as u64 * frames(*s)).sum();
    (own + eval) * config.features.bands as u64 * 4
}
