//! Estimates of a study's time and memory before its start: the steps of every cell are timed on random features.

use super::{Cell, CellSteps};
use crate::Result;
use crate::config::{Config, Method, StageName, Variant};
use crate::gpu::Gpu;
use crate::model::Tiles;
use crate::train::{PlannedData, memory_estimate, most_members, synthetic_step};

/// Time and memory of one cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Number of steps of all stages, if no stage stops before its last epoch.
    pub steps: u64,
    /// Time of these steps in seconds, without reading or mixing clips.
    pub seconds: f64,
    /// Memory on the GPU in bytes.
    pub bytes: u64,
}

/// A function that makes a new dry-run device.
pub type Paper<'a> = dyn Fn() -> Result<Gpu> + 'a;

/// Times a few steps of each of `cells` with `tiles`. `drawn` holds the number of steps of each cell. Cells that differ
/// only in their dataset and have equal numbers of clips and steps take the same time and are timed once. `paper` makes
/// a dry-run device of the same adapter ([`Gpu::dry_run`]).
///
/// # Errors
/// Errors of the device.
pub fn estimates(
    gpu: &Gpu,
    paper: &Paper<'_>,
    tiles: &Tiles,
    cells: &[&Cell],
    drawn: &[CellSteps],
) -> Result<Vec<Estimate>> {
    let mut found: Vec<(Config, &CellSteps, Estimate)> = Vec::new();
    for (cell, drawn) in cells.iter().zip(drawn) {
        let mut key = cell.config.clone();
        key.data.variant = Variant::default();
        let has_same_steps =
            |other: &CellSteps| (other.clips, &other.draws.stages) == (drawn.clips, &drawn.draws.stages);
        let known = found.iter().find(|(config, other, _)| *config == key && has_same_steps(other));
        let known = known.map(|(.., estimate)| *estimate);
        let estimate = known.map_or_else(|| estimate(gpu, paper, tiles, cell, drawn), Ok)?;
        found.push((key, drawn, estimate));
    }
    Ok(found.into_iter().map(|(.., estimate)| estimate).collect())
}

fn estimate(gpu: &Gpu, paper: &Paper<'_>, tiles: &Tiles, cell: &Cell, drawn: &CellSteps) -> Result<Estimate> {
    let config = &cell.config;
    let CellSteps { classes, clips: [train, validation, eval], draws, .. } = drawn;
    let steps = |stage: &(StageName, u64)| stage.1;
    let (first, tagger): (u64, u64) = (steps(&draws.stages[0]), draws.stages[1..].iter().map(steps).sum());
    // Seeds that do not fit together train one group after another.
    let most = most_members(gpu, config, &drawn.train, classes)?;
    let of_seed = cell.frames_per_step(classes.len()) as usize / config.train.seeds.len();
    let mut found = Estimate { steps: 0, seconds: 0.0, bytes: 0 };
    for seeds in config.train.seeds.chunks(most) {
        let mut config = config.clone();
        config.train.seeds = seeds.to_vec();
        let per_step = time(gpu, tiles, &config, classes.len())?;
        // Every epoch ends with a forward pass over all validated segments. For each frame, it takes a third of the
        // time of a training step.
        let per_frame = per_step / (of_seed * seeds.len()) as f64;
        let evaluated = validation + if cell.method == Method::Classifier { 0 } else { *train };
        let frames = evaluated * config.features.frames(cell.seconds) * seeds.len();
        let judging = per_frame * frames as f64 / 3.0 * config.train.most_epochs() as f64;
        found.steps += draws.steps();
        found.seconds += per_step * first as f64 + judging + tagger as f64 * TAGGER_STEP_S;
        let data = PlannedData { classes, train: &drawn.train, validation: *validation };
        let needed = memory_estimate(&paper()?, tiles, &config, &data)?;
        found.bytes = found.bytes.max(needed.bytes + eval_bytes(&config, *eval));
    }
    Ok(found)
}

/// Measures the time of a step in seconds.
fn time(gpu: &Gpu, tiles: &Tiles, config: &Config, classes: usize) -> Result<f64> {
    let step = synthetic_step(gpu, tiles, config, classes, config.features.frames(config.train.seconds))?;
    // The first step compiles kernels.
    gpu.time(&step.recording, 1)?;
    Ok(gpu.time(&step.recording, 2)?.as_secs_f64() / 2.0)
}

/// Time of a step of the tagger in seconds: six dispatches with a few microseconds of work take about as long on any
/// device.
const TAGGER_STEP_S: f64 = 3e-4;

/// Returns the size of the features of `clips` evaluation clips in bytes. They stay on the GPU while a cell trains.
fn eval_bytes(config: &Config, clips: usize) -> u64 {
    let frames: usize = config.evaluate.seconds.iter().map(|s| clips * config.features.frames(*s)).sum();
    (frames * config.features.bands * size_of::<f32>()) as u64
}
