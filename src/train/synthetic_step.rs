//! A training step on random features, for timing: the time of a step does not depend on the values of the features.

use super::{EpochRows, Schedule, StageName, StepContext, StepInput, TrainingData, TrainingStep};
use crate::Result;
use crate::base::counter_rng::Key;
use crate::config::Config;
use crate::data::features::ExampleStore;
use crate::evaluate::{Examples, SegmentLabels};
use crate::gpu::Gpu;
use crate::model::{Architecture, BatchShape, Population, Tiles};

/// Number of rows of the schedule, and so of steps that can be timed.
pub const ROWS: usize = 4096;

/// Makes random segments of `frames` frames with the classes in rotation, enough for a step of any method of `config`.
///
/// # Errors
/// Errors of tensor allocation.
pub fn random_examples(gpu: &Gpu, config: &Config, classes: usize, frames: usize) -> Result<Examples> {
    let count = 3 * config.train.batch.max(classes) * config.prototypes.support;
    let store = ExampleStore::new(gpu, count, frames, config.features.bands)?;
    let mut stream = Key::new(0).named("rehearsal").stream();
    for shard in store.shards() {
        let values: Vec<f32> = (0..shard.tensor.len()).map(|_| stream.uniform(-1.7, 1.7) as f32).collect();
        gpu.write(&shard.tensor, 0, &values);
    }
    let labels = (0..count).map(|example| SegmentLabels::one(example % classes, 1.0)).collect();
    Examples::new(gpu, store, labels, classes)
}

/// Makes random training and validation segments as [`random_examples`] does.
///
/// # Errors
/// Errors of tensor allocation.
pub fn random_data(gpu: &Gpu, config: &Config, classes: usize, frames: usize) -> Result<TrainingData> {
    let examples = || random_examples(gpu, config, classes, frames);
    Ok(TrainingData::of(config, &class_names(classes), examples()?, examples()?))
}

/// Makes a step of the first stage of the configured method, on random segments of `frames` frames and `classes`
/// classes, for the models of `config.train.seeds`, with `tiles`.
///
/// # Errors
/// [`crate::Error::Config`] when batches cannot be balanced; errors of tensor allocation and kernel compilation.
pub fn synthetic_step(
    gpu: &Gpu,
    tiles: &Tiles,
    config: &Config,
    classes: usize,
    frames: usize,
) -> Result<TrainingStep> {
    let stage = StageName::of(config.train.method)[0];
    let examples = random_examples(gpu, config, classes, frames)?;
    let episodes = stage.episodes(config, &examples.labels, &class_names(classes))?;
    let seeds = &config.train.seeds;
    let architecture = Architecture::new(&config.model, &config.features, classes);
    let batch = BatchShape { segments: episodes.batch_size(), chunks: examples.chunks(&architecture) };
    let population = Population::new(gpu, tiles, architecture, seeds, batch)?;
    population.use_parameters(gpu, &population.state)?;
    let schedule = Schedule::new(gpu, ROWS, seeds.len(), episodes.batch_size())?;
    let optimisers = vec![config.optimiser.clone(); seeds.len()];
    let epochs: Vec<EpochRows> = (0..ROWS.div_ceil(episodes.steps()))
        .map(|epoch| EpochRows::new(&*episodes, &optimisers, seeds, epoch))
        .collect();
    let ids = ROWS * seeds.len() * episodes.batch_size();
    let rows = EpochRows {
        batches: epochs.iter().flat_map(|rows| &rows.batches).copied().take(ids).collect(),
        steps: epochs.iter().flat_map(|rows| &rows.steps).copied().take(ROWS * seeds.len()).collect(),
    };
    schedule.upload(gpu, &rows);
    let context = StepContext { gpu, config, population: &population, schedule: &schedule };
    TrainingStep::new(&context, stage, StepInput::Segments(&examples))
}

fn class_names(classes: usize) -> Vec<String> {
    (0..classes).map(|class| format!("class {class}")).collect()
}
