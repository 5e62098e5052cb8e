//! What a study takes, found out before it starts: the steps of every cell timed on random features, and its memory.

use super::Cell;
use crate::Result;
use crate::config::{Config, Method, Variant};
use crate::evaluate::Heard;
use crate::gpu::Gpu;
use crate::train::{StageName, most_members, needs, rehearsal};

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

/// Makes a device on paper, a new one for each question.
pub type Paper<'a> = dyn Fn() -> Result<Gpu> + 'a;

/// Times a few steps of each of `cells`, for clips of `classes` classes that are spread evenly. Cells that differ in
/// their dataset only take the same time. `paper` makes the same device on paper ([`Gpu::on_paper`]).
///
/// # Errors
/// What the device reports.
pub fn estimates(gpu: &Gpu, paper: &Paper<'_>, cells: &[&Cell], classes: usize) -> Result<Vec<Estimate>> {
    let mut found: Vec<(Config, Estimate)> = Vec::new();
    for cell in cells {
        let mut key = cell.config.clone();
        key.data.variant = Variant::default();
        let known = found.iter().find(|(other, _)| *other == key).map(|(_, estimate)| *estimate);
        let estimate = known.map_or_else(|| estimate(gpu, paper, cell, classes), Ok)?;
        found.push((key, estimate));
    }
    Ok(found.into_iter().map(|(_, estimate)| estimate).collect())
}

fn estimate(gpu: &Gpu, paper: &Paper<'_>, cell: &Cell, classes: usize) -> Result<Estimate> {
    let config = &cell.config;
    let heard: Vec<Heard> = (0..config.data.train).map(|clip| Heard::one(clip % classes, cell.seconds)).collect();
    let names: Vec<String> = (0..classes).map(|class| class.to_string()).collect();
    let stages = StageName::of(cell.method).iter().map(|stage| {
        let steps = stage.episodes(config, &heard, &names)?.steps();
        Ok((steps * stage.epochs(config)) as u64)
    });
    let stages = stages.collect::<Result<Vec<_>>>()?;
    // Seeds that do not fit train after each other.
    let most = most_members(gpu, config, &heard, &names)?;
    let of_seed = cell.frames_per_step(classes) as usize / config.train.seeds.len();
    let mut found = Estimate { steps: 0, seconds: 0.0, bytes: 0 };
    for seeds in config.train.seeds.chunks(most) {
        let mut config = config.clone();
        config.train.seeds = seeds.to_vec();
        let per_step = time(gpu, &config, classes)?;
        // Every epoch ends with the forward pass of all that is judged: a third of what a training step does with a frame.
        let per_frame = per_step / (of_seed * seeds.len()) as f64;
        let judged = config.data.validation + if cell.method == Method::Classifier { 0 } else { config.data.train };
        let frames = judged * config.features.frames(cell.seconds) * seeds.len();
        let judging = per_frame * frames as f64 / 3.0 * config.train.most_epochs() as f64;
        let tagging: f64 = stages[1..].iter().map(|steps| *steps as f64 * TAGGER_STEP_S).sum();
        found.steps += stages.iter().sum::<u64>();
        found.seconds += per_step * stages[0] as f64 + judging + tagging;
        let clips = [config.data.train, config.data.validation];
        let needs = needs(&paper()?, &config, &names, clips)?;
        found.bytes = found.bytes.max(needs.bytes + eval_bytes(&config));
    }
    Ok(found)
}

/// Seconds of a step.
fn time(gpu: &Gpu, config: &Config, classes: usize) -> Result<f64> {
    let step = rehearsal(gpu, config, classes, config.features.frames(config.train.seconds))?;
    // The first step compiles kernels.
    gpu.time(&step.recording, 1)?;
    Ok(gpu.time(&step.recording, 2)?.as_secs_f64() / 2.0)
}

/// About what six dispatches of a few microseconds of work take anywhere.
const TAGGER_STEP_S: f64 = 3e-4;

/// Bytes of the features of the evaluation segments, which wait on the GPU while a cell trains.
fn eval_bytes(config: &Config) -> u64 {
    let frames: usize = config.evaluate.seconds.iter().map(|s| config.data.eval * config.features.frames(*s)).sum();
    (frames * config.features.bands * size_of::<f32>()) as u64
}
