//! Parts shared by triplets and prototypes: the embeddings between which distances are taken, and the backward pass
//! from their gradients.

use crate::Result;
use crate::config::Normalise;
use crate::evaluate::Examples;
use crate::gpu::{Recording, Tensor};
use crate::kernels::{self, input::Input, normalise_grad::NormaliseGrad};
use crate::model::Activations;
use crate::train::StepContext;

/// The embeddings of a batch and their gradients.
pub(super) struct EmbeddingBatch {
    input: Input,
    activations: Activations,
    normalise: Normalise,
    /// Embeddings after the configured normalisation, `[member, slot, dimension]`, between which distances are taken.
    pub rows: Tensor<f32>,
    /// Gradients of `rows`, of the same shape, which must be written before [`EmbeddingBatch::push_back`].
    pub d_rows: Tensor<f32>,
}

impl EmbeddingBatch {
    /// Pushes the forward pass of E over the batches of the schedule, with the normalisation `normalise`.
    pub fn push(
        context: &StepContext<'_>,
        examples: &Examples,
        normalise: Normalise,
        recording: &mut Recording,
    ) -> Result<Self> {
        let StepContext { gpu, .. } = context;
        let activations = context.segment_activations(examples)?;
        let input = context.push_input(recording, examples)?;
        context.pass(&activations).embed_forward(recording, &input, normalise);
        let (mut rows, mut d_rows) = (activations.embedding.clone(), activations.gradients().embedding.clone());
        if normalise == Normalise::Segment {
            rows = gpu.tensor("normalised", rows.shape())?;
            d_rows = gpu.tensor("d_normalised", rows.shape())?;
            let embedding = activations.embedding.clone();
            recording.push(kernels::normalise::NormaliseRows { embedding, normalised: rows.clone() });
        }
        Ok(Self { input, activations, normalise, rows, d_rows })
    }

    /// Pushes the backward pass from `d_rows` to the partial gradients of E.
    pub fn push_back(self, context: &StepContext<'_>, recording: &mut Recording) -> Result<()> {
        let grad_embedding = &self.activations.gradients().embedding;
        if self.normalise == Normalise::Segment {
            recording.push(NormaliseGrad {
                embedding: self.activations.embedding.clone(),
                grad_output: self.d_rows.clone(),
                grad_input: grad_embedding.clone(),
            });
        }
        context.pass(&self.activations).embed_backward(recording, &self.input, self.normalise)
    }
}
