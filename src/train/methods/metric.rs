//! What triplets and prototypes share: embeddings to take distances between, and the way back from their gradients.

use crate::Result;
use crate::config::Normalise;
use crate::evaluate::Examples;
use crate::gpu::{Recording, Tensor};
use crate::kernels::{self, input::Input, normalise_grad::NormaliseGrad};
use crate::model::{Activations, Mode, embed_backward, embed_forward};
use crate::train::step::StepContext;

/// The embeddings of a batch and their gradients.
pub(super) struct Embedded {
    input: Input,
    activations: Activations,
    mode: Mode,
    normalise: Normalise,
    /// What distances are taken between, `[member, slot, dimension]`.
    pub rows: Tensor<f32>,
    /// Their gradients, of the same shape; to be written before [`Embedded::push_back`].
    pub d_rows: Tensor<f32>,
}

impl Embedded {
    /// Pushes E over the batches of the schedule, normalised as asked.
    pub fn push(
        context: &StepContext<'_>,
        examples: &Examples,
        normalise: Normalise,
        recording: &mut Recording,
    ) -> Result<Self> {
        let StepContext { gpu, population, schedule, .. } = context;
        let activations = context.activations(examples.chunks(&population.architecture))?;
        let mode = context.mode();
        let input = examples.push_input(gpu, recording, &schedule.batches)?;
        embed_forward(gpu, recording, population, &input, &activations, &mode, normalise);
        let (mut rows, mut d_rows) = (activations.embedding.clone(), activations.gradients().embedding.clone());
        if normalise == Normalise::Segment {
            rows = gpu.tensor("normalised", rows.shape())?;
            d_rows = gpu.tensor("d_normalised", rows.shape())?;
            let embedding = activations.embedding.clone();
            recording.push(kernels::normalise::NormaliseRows { embedding, normalised: rows.clone() });
        }
        Ok(Self { input, activations, mode, normalise, rows, d_rows })
    }

    /// Pushes the way back to the partial gradients of E.
    pub fn push_back(self, context: &StepContext<'_>, recording: &mut Recording) -> Result<()> {
        let grad_embedding = &self.activations.gradients().embedding;
        if self.normalise == Normalise::Segment {
            recording.push(NormaliseGrad {
                embedding: self.activations.embedding.clone(),
                grad_output: self.d_rows.clone(),
                grad_input: grad_embedding.clone(),
            });
        }
        let StepContext { gpu, population, .. } = context;
        embed_backward(gpu, recording, population, &self.input, &self.activations, &self.mode, self.normalise)
    }
}
