//! What the kernels of a training step share, whatever the method.

use super::Schedule;
use crate::Result;
use crate::config::Config;
use crate::evaluate::Examples;
use crate::gpu::{Gpu, Tensor};
use crate::kernels::dropout::Dropout;
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
