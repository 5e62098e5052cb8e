//! One training step of a population, ready to replay: gather, forward, loss, backward, optimiser. The kernels between
//! the gathered batch and the optimiser depend on the method.

use super::methods::{classifier, prototypes, tagger, triplets};
use super::{Schedule, StageName};
use crate::Result;
use crate::config::{Config, OptimiserConfig};
use crate::evaluate::Examples;
use crate::gpu::{Gpu, Recording, Resolved, Tensor};
use crate::kernels::dropout::Dropout;
use crate::model::{Activations, BatchShape, Mode, Population, Supervision};

/// Shared arguments of the functions that push a step's kernels.
pub(super) struct StepContext<'a> {
    pub gpu: &'a Gpu,
    pub config: &'a Config,
    pub population: &'a Population,
    pub schedule: &'a Schedule,
    /// Loss of each batch in parts, `[step, member, part]`.
    pub losses: Tensor<f32>,
}

impl StepContext<'_> {
    /// Allocates activations for the batches of the schedule, whose segments have `chunks` chunks.
    pub fn activations(&self, chunks: usize) -> Result<Activations> {
        let [_, members, segments] = self.schedule.batches.dims();
        let batch = BatchShape { members, segments, chunks };
        Activations::new(self.gpu, &self.population.architecture, batch, true)
    }

    /// Returns the tensors that supervise G: the targets of `examples`, the batches, and the losses that it writes.
    pub fn supervision(&self, examples: &Examples) -> Supervision {
        Supervision {
            targets: examples.targets.clone(),
            batches: self.schedule.batches.clone(),
            losses: self.losses.clone(),
        }
    }

    /// Returns the training mode with the configured dropout.
    pub fn mode(&self) -> Mode {
        let p = self.population.architecture.dropout;
        let dropout = match p > 0.0 {
            true => Dropout::Random { p, schedule: self.schedule.steps.clone() },
            false => Dropout::Off,
        };
        Mode::Train { dropout: vec![dropout; self.population.architecture.n_dropouts()] }
    }
}

/// One training step of a population, ready to replay.
pub struct TrainingStep {
    /// Kernels from the gathering of a batch to the optimiser.
    pub recording: Resolved,
    /// Loss of each batch in parts, `[step, member, part]`.
    pub(super) losses: Tensor<f32>,
    /// Number of each executed step, `[step, member]`. A device that computes nothing leaves old numbers here.
    pub(super) made: Tensor<u32>,
}

/// Examples that a step trains on.
#[derive(Clone, Copy)]
pub enum StepInput<'a> {
    /// Log-mel segments, shared by all members.
    Segments(&'a Examples),
    /// Embeddings by each member's own E, `[member, example, dimension]`, and the segments that were embedded.
    Embeddings(&'a Tensor<f32>, &'a Examples),
}

impl TrainingStep {
    /// Makes the step of stage `stage` on the batches that `schedule` takes from `source`.
    ///
    /// # Errors
    /// Errors of tensor allocation and kernel compilation.
    pub fn new(
        gpu: &Gpu,
        config: &Config,
        stage: StageName,
        population: &Population,
        source: StepInput<'_>,
        schedule: &Schedule,
    ) -> Result<Self> {
        let [rows, members, _] = schedule.batches.dims();
        let parts =
            if matches!(stage, StageName::Classifier | StageName::Tagger) { population.division.splits } else { 1 };
        let losses = gpu.tensor("losses", &[rows, members, parts])?;
        let made = gpu.tensor("made", &[rows, members])?;
        let context = StepContext { gpu, config, population, schedule, losses: losses.clone() };
        let mut recording = Recording::new(&format!("{} step", stage.name()));
        match (stage, source) {
            (StageName::Classifier, StepInput::Segments(examples)) => {
                classifier::push(&context, examples, &mut recording)
            }
            (StageName::Triplets, StepInput::Segments(examples)) => triplets::push(&context, examples, &mut recording),
            (StageName::Prototypes, StepInput::Segments(examples)) => {
                prototypes::push(&context, examples, &mut recording)
            }
            (StageName::Tagger, StepInput::Embeddings(embeddings, examples)) => {
                tagger::push(&context, embeddings, examples, &mut recording)
            }
            _ => unreachable!("the tagger, and only the tagger, learns from embeddings"),
        }?;
        let parameters = stage.parameters(population);
        population.push_step(&mut recording, &stage.optimiser(config), &schedule.steps, &made, parameters);
        Ok(Self { recording: recording.resolve(gpu)?, losses, made })
    }
}

impl StageName {
    /// Returns the optimiser settings of the stage (SPEC §4).
    pub fn optimiser(self, config: &Config) -> OptimiserConfig {
        match self {
            Self::Tagger => OptimiserConfig {
                lr: config.tagger.lr,
                weight_decay: config.tagger.weight_decay,
                ..config.optimiser.clone()
            },
            _ => config.optimiser.clone(),
        }
    }

    /// Returns the range of parameters that the stage trains: all, those of E, or those of G.
    fn parameters(self, population: &Population) -> std::ops::Range<usize> {
        let (of_e, all) = (population.architecture.embedding_elements(), population.architecture.elements());
        match self {
            Self::Classifier => 0..all,
            Self::Triplets | Self::Prototypes => 0..of_e,
            Self::Tagger => of_e..all,
        }
    }
}
