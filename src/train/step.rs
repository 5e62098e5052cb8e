//! One training step of a population, ready to replay: gather, forward, loss, backward, optimiser. The kernels between
//! the gathered batch and the optimiser depend on the method.

use super::methods::{classifier, prototypes, tagger, triplets};
use super::{StageName, StepContext};
use crate::Result;
use crate::evaluate::Examples;
use crate::gpu::{Recording, Resolved, Tensor};
use crate::model::OptimiserStep;

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
    /// Makes the step of stage `stage` on the batches that the schedule takes from `source`.
    ///
    /// # Errors
    /// Errors of tensor allocation and kernel compilation.
    pub fn new(context: &StepContext<'_>, stage: StageName, source: StepInput<'_>) -> Result<Self> {
        let StepContext { gpu, config, population, schedule } = *context;
        let [rows, members, _] = schedule.batches.dims();
        let parts =
            if matches!(stage, StageName::Classifier | StageName::Tagger) { population.division.splits } else { 1 };
        let losses = gpu.tensor("losses", &[rows, members, parts])?;
        let made = gpu.tensor("made", &[rows, members])?;
        let mut recording = Recording::new(&format!("{} step", stage.name()));
        match (stage, source) {
            (StageName::Classifier, StepInput::Segments(examples)) => {
                classifier::push(context, examples, &losses, &mut recording)
            }
            (StageName::Triplets, StepInput::Segments(examples)) => {
                triplets::push(context, examples, &losses, &mut recording)
            }
            (StageName::Prototypes, StepInput::Segments(examples)) => {
                prototypes::push(context, examples, &losses, &mut recording)
            }
            (StageName::Tagger, StepInput::Embeddings(embeddings, examples)) => {
                tagger::push(context, embeddings, examples, &losses, &mut recording)
            }
            _ => unreachable!("the tagger, and only the tagger, learns from embeddings"),
        }?;
        let (optimiser, schedule) = (stage.optimiser(config), schedule.steps.clone());
        let step = OptimiserStep { optimiser, schedule, made: made.clone(), parameters: stage.parameters(population) };
        population.push_step(&mut recording, step);
        Ok(Self { recording: recording.resolve(gpu)?, losses, made })
    }
}
