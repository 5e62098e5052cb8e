//! Estimates of a study's time and memory before its start: the steps of every cell are timed on random features.

use super::{Cell, CellSteps};
use crate::Result;
use crate::config::{Config, Variant};
use crate::gpu::Gpu;
use crate::model::Tiles;
use crate::train::{PlannedData, memory_estimate, most_members, time_estimate};

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
    let CellSteps { classes, clips: [_, validation, eval], draws, .. } = drawn;
    // Seeds that do not fit together train one group after another.
    let most = most_members(gpu, config, &drawn.train, classes)?;
    let mut found = Estimate { steps: 0, seconds: 0.0, bytes: 0 };
    for seeds in config.train.seeds.chunks(most) {
        let mut config = config.clone();
        config.train.seeds = seeds.to_vec();
        let data = PlannedData { classes, train: &drawn.train, validation: *validation };
        found.steps += draws.steps();
        found.seconds += time_estimate(gpu, tiles, &config, &data, draws)?;
        let needed = memory_estimate(&paper()?, tiles, &config, &data)?;
        found.bytes = found.bytes.max(needed.bytes + eval_bytes(&config, *eval));
    }
    Ok(found)
}

/// Returns the size of the features of `clips` evaluation clips in bytes. They stay on the GPU while a cell trains.
fn eval_bytes(config: &Config, clips: usize) -> u64 {
    let frames: usize = config.evaluate.seconds.iter().map(|s| clips * config.features.frames(*s)).sum();
    (frames * config.features.bands * size_of::<f32>()) as u64
}
