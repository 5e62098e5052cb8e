//! The parts that the kernels of a training step share, whatever the method.

use super::Schedule;
use crate::Result;
use crate::config::{Config, Crop};
use crate::data::features::StoredShard;
use crate::evaluate::Examples;
use crate::gpu::{Gpu, Recording, Tensor};
use crate::kernels::dropout::Dropout;
use crate::kernels::input::Input;
use crate::kernels::random_crop::RandomCrop;
use crate::model::{Activations, BatchShape, Mode, Pass, Population, Supervision};

/// Surroundings of a training step.
#[derive(Clone, Copy)]
pub struct StepContext<'a> {
    /// Device that computes.
    pub gpu: &'a Gpu,
    /// Configuration of the training.
    pub config: &'a Config,
    /// Models that are trained.
    pub population: &'a Population,
    /// Batches and Adam factors of the steps of an epoch.
    pub schedule: &'a Schedule,
}

impl<'a> StepContext<'a> {
    /// Returns the number of frames of a training segment of `examples`: all frames of an example, or those of a crop.
    fn frames(&self, examples: &Examples) -> usize {
        match self.config.train.crop {
            Crop::Random => self.config.features.frames(self.config.train.seconds),
            Crop::Event | Crop::Whole => examples.store.frames,
        }
    }

    /// Allocates activations for passes of E and G over the batches of the schedule, which are segments of `examples`.
    pub(super) fn segment_activations(&self, examples: &Examples) -> Result<Activations> {
        let architecture = &self.population.architecture;
        let chunks = self.frames(examples) / architecture.chunk_frames;
        let mut activations = self.activations(chunks)?;
        activations.padding = examples.padding(architecture, &self.schedule.batches, chunks);
        Ok(activations)
    }

    /// Returns the segments of the batches of the schedule as the first layer's input, and pushes the kernels that copy
    /// what the layer cannot read in place: random crops, and examples of several shards.
    pub(super) fn push_input(&self, recording: &mut Recording, examples: &Examples) -> Result<Input> {
        let Self { gpu, population, schedule, .. } = *self;
        if self.config.train.crop != Crop::Random {
            return examples.push_input(gpu, recording, &schedule.feed.positions);
        }
        let [_, members, batch_size] = schedule.batches.dims();
        let count = examples.len();
        let all = || gpu.tensor_from("real frames", &[count], &vec![examples.store.frames as u32; count]);
        let input = gpu.tensor("input", &[members, batch_size, self.frames(examples), examples.store.bands])?;
        let real_frames = examples.real_frames_on_gpu().map_or_else(all, Ok)?;
        for StoredShard { features, first, .. } in examples.store.stored() {
            recording.push(RandomCrop {
                shard: features,
                first,
                batches: schedule.batches.clone(),
                positions: schedule.feed.positions.clone(),
                real_frames: real_frames.clone(),
                members: population.progress.clone(),
                schedule: schedule.steps.clone(),
                input: input.clone(),
            });
        }
        Ok(Input::Dense(input))
    }

    /// Allocates activations for the batches of the schedule, whose segments have `chunks` chunks, with the configured
    /// dropout.
    pub(super) fn activations(&self, chunks: usize) -> Result<Activations> {
        let architecture = &self.population.architecture;
        let dropout = match architecture.dropout {
            p if p > 0.0 => Dropout::Random { p, schedule: self.schedule.steps.clone() },
            _ => Dropout::Off,
        };
        let mode = Mode::Train { dropout: vec![dropout; architecture.n_dropouts()] };
        let [.., segments] = self.schedule.batches.dims::<3>();
        let batch = BatchShape { segments, chunks };
        Activations::new(self.gpu, self.population, batch, mode)
    }

    /// Returns the pass of the population over the batch of `activations`.
    pub(super) fn pass(&self, activations: &'a Activations) -> Pass<'a> {
        Pass { gpu: self.gpu, population: self.population, activations }
    }

    /// Returns the tensors that supervise G: the targets of `examples`, the batches, and `losses`, which G writes.
    pub(super) fn supervision(&self, examples: &Examples, losses: &Tensor<f32>) -> Supervision {
        Supervision {
            targets: examples.targets.clone(),
            batches: self.schedule.batches.clone(),
            losses: losses.clone(),
        }
    }
}
