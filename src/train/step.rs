//! One training step of a population, ready to replay: gather, forward, loss, backward, optimiser. What stands between
//! the gathered batch and the optimiser is the method's.

use super::methods::{classifier, prototypes, tagger, triplets};
use super::{Schedule, StageName};
use crate::Result;
use crate::config::{Config, OptimiserConfig};
use crate::evaluate::Examples;
use crate::gpu::{Gpu, Recording, Resolved, Tensor};
use crate::kernels::dropout::Dropout;
use crate::model::{Activations, Batch, Mode, Population, Supervision};

/// What the kernels of a step are pushed with.
pub(super) struct StepContext<'a> {
    pub gpu: &'a Gpu,
    pub config: &'a Config,
    pub population: &'a Population,
    pub schedule: &'a Schedule,
    /// Parts of each batch's loss, `[row, member, part]`.
    pub losses: Tensor<f32>,
}

impl StepContext<'_> {
    /// Activations for the batches of the schedule, of segments of `chunks` chunks.
    pub fn activations(&self, chunks: usize) -> Result<Activations> {
        let [members, segments] = [1, 2].map(|axis| self.schedule.batches.size(axis));
        let batch = Batch { members, segments, chunks };
        Activations::new(self.gpu, &self.population.architecture, batch, true)
    }

    /// The targets of `examples` for G, and where its loss goes.
    pub fn supervision(&self, examples: &Examples) -> Supervision {
        Supervision {
            targets: examples.targets.clone(),
            batches: self.schedule.batches.clone(),
            losses: self.losses.clone(),
        }
    }

    /// Training with the configured dropout.
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
    /// Its kernels, from the gathering of a batch to the optimiser.
    pub recording: Resolved,
    /// Parts of each batch's loss, `[row, member, part]`.
    pub(super) losses: Tensor<f32>,
    /// The number of each step that was made, `[row, member]`: what a device that computes nothing leaves behind.
    pub(super) made: Tensor<u32>,
}

/// What a step learns from.
#[derive(Clone, Copy)]
pub enum Source<'a> {
    /// Segments as log-mel, shared by all members.
    Segments(&'a Examples),
    /// Embeddings of every member's own E, `[member, example, dimension]`, and the segments they are of.
    Embeddings(&'a Tensor<f32>, &'a Examples),
}

impl TrainingStep {
    /// The step of stage `stage` on batches of `source` as `schedule` draws them.
    ///
    /// # Errors
    /// What making tensors and compiling kernels may report.
    pub fn new(
        gpu: &Gpu,
        config: &Config,
        stage: StageName,
        population: &Population,
        source: Source<'_>,
        schedule: &Schedule,
    ) -> Result<Self> {
        let [rows, members] = [0, 1].map(|axis| schedule.batches.size(axis));
        let parts =
            if matches!(stage, StageName::Classifier | StageName::Tagger) { population.division.splits } else { 1 };
        let losses = gpu.tensor("losses", &[rows, members, parts])?;
        let made = gpu.tensor("made", &[rows, members])?;
        let context = StepContext { gpu, config, population, schedule, losses: losses.clone() };
        let mut recording = Recording::new(&format!("{} step", stage.name()));
        match (stage, source) {
            (StageName::Classifier, Source::Segments(examples)) => classifier::push(&context, examples, &mut recording),
            (StageName::Triplets, Source::Segments(examples)) => triplets::push(&context, examples, &mut recording),
            (StageName::Prototypes, Source::Segments(examples)) => prototypes::push(&context, examples, &mut recording),
            (StageName::Tagger, Source::Embeddings(embeddings, examples)) => {
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
    /// The update rule of the stage (SPEC §4).
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

    /// The parameters it trains: all, those of E, or those of G.
    fn parameters(self, population: &Population) -> std::ops::Range<usize> {
        let (of_e, all) = (population.architecture.embedding_elements(), population.architecture.elements());
        match self {
            Self::Classifier => 0..all,
            Self::Triplets | Self::Prototypes => 0..of_e,
            Self::Tagger => of_e..all,
        }
    }
}
