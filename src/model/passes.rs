//! The kernels of a forward and of a backward pass, in order (SPEC §§2, 3).

use super::{Activations, BatchShape, Mode, Population, tiles};
use crate::Result;
use crate::config::Normalise;
use crate::gpu::{Gpu, Recording, Tensor};
use crate::kernels::chunk_mean::ChunkMean;
use crate::kernels::conv_forward::ConvForward;
use crate::kernels::conv_input_grad::ConvInputGrad;
use crate::kernels::conv_weight_grad::ConvWeightGrad;
use crate::kernels::dropout::Dropout;
use crate::kernels::forms::needs_uniform_hint;
use crate::kernels::frame_mean::FrameMean;
use crate::kernels::frame_mean_grad::FrameMeanGrad;
use crate::kernels::grad_output::{EmbeddingMean, GradOutput};
use crate::kernels::input::Input;
use crate::kernels::linear_forward::{Activation, LinearForward, LinearTile};
use crate::kernels::pool_argmax::{LeakyDropout, PooledGrad};
use crate::kernels::tagger_step::{TaggerLayer, TaggerStep};

/// Pushes E from `input`, standardised log-mel, to `activations.embedding`. [`Normalise::Frame`] scales each time step
/// to unit length. [`Normalise::Segment`] is applied by the callers that compute distances.
pub fn embed_forward(
    gpu: &Gpu,
    recording: &mut Recording,
    population: &Population,
    input: &Input,
    activations: &Activations,
    mode: &Mode,
    normalise: Normalise,
) {
    let architecture = &population.architecture;
    let batch = activations.batch;
    let n_convs = architecture.convs.len();
    for layer in 0..n_convs {
        let shape = architecture.conv_shape(layer, batch.members, batch.segments * batch.chunks);
        recording.push(ConvForward {
            shape,
            layer,
            slope: architecture.slope,
            input: if layer == 0 { input.clone() } else { Input::Dense(activations.pooled[layer - 1].clone()) },
            packed: population.forward_weights(gpu, layer),
            output: activations.pooled[layer].clone(),
            pool_argmax: activations.pool_argmax.get(layer).cloned(),
            members: population.progress.clone(),
            dropout: mode.dropout(layer),
            tile: tiles::forward(gpu, &shape),
        });
    }
    let (pooled, embedding) = (activations.pooled[n_convs - 1].clone(), activations.embedding.clone());
    match normalise {
        Normalise::Frame => recording.push(FrameMean { pooled, embedding }),
        Normalise::None | Normalise::Segment => recording.push(ChunkMean { pooled, embedding }),
    }
}

/// Pushes G from `activations.embedding` to `activations.tagger`, for evaluation.
pub fn tag_forward(gpu: &Gpu, recording: &mut Recording, population: &Population, activations: &Activations) {
    let architecture = &population.architecture;
    let batch = activations.batch;
    let mut input = &activations.embedding;
    for (layer, output) in activations.tagger.iter().enumerate() {
        let is_hidden = layer < architecture.hidden.len();
        recording.push(LinearForward {
            shape: architecture.linear_shape(layer, batch.members, batch.segments),
            input: input.clone(),
            packed: population.linear_weights(layer),
            output: output.clone(),
            members: population.progress.clone(),
            activation: if is_hidden { Activation::Leaky(architecture.slope) } else { Activation::Sigmoid },
            tile: LinearTile::of(gpu, batch.segments),
        });
        input = output;
    }
}

/// Supervision of G: the targets, the examples of each batch, and the tensor that receives the loss.
pub struct Supervision {
    /// Targets, 0 or 1, `[example, class]`.
    pub targets: Tensor<f32>,
    /// Ids of the examples, `[row, member, slot]`.
    pub batches: Tensor<u32>,
    /// Loss of each batch in parts, `[row, member, split]`, one part for each split of [`Population::division`]. The
    /// parts add up to the batch's mean loss.
    pub losses: Tensor<f32>,
}

/// Pushes a training step of G from `activations.embedding`: forward pass, loss, and backward pass to the partial
/// gradients of G's parameters and, with `embedding_learns`, to the gradients of the embeddings. Panics if the
/// activations were made for evaluation.
pub fn tag_step(
    gpu: &Gpu,
    recording: &mut Recording,
    population: &Population,
    activations: &Activations,
    mode: &Mode,
    supervision: Supervision,
    embedding_learns: bool,
) {
    let architecture = &population.architecture;
    let BatchShape { members, segments, .. } = activations.batch;
    let n_convs = architecture.convs.len();
    let gradients = activations.gradients();
    let layer = |layer: usize| TaggerLayer {
        shape: architecture.linear_shape(layer, members, segments),
        packed: population.linear_weights(layer),
        at: population.partials_at[n_convs + layer],
    };
    let Supervision { targets, batches, losses } = supervision;
    recording.push(TaggerStep {
        layers: (0..architecture.n_linears()).map(layer).collect(),
        first_layer: n_convs,
        slope: architecture.slope,
        dropout: if architecture.hidden.is_empty() { Dropout::Off } else { mode.dropout(n_convs) },
        embedding: activations.embedding.clone(),
        activations: gradients.tagger.clone(),
        grad_input: embedding_learns.then(|| gradients.embedding.clone()),
        partials: population.partials.clone(),
        targets,
        batches,
        losses,
        members: population.progress.clone(),
        division: population.division,
        uniform_hint: needs_uniform_hint(gpu),
    });
}

/// Pushes the backward pass through E: from the gradients of the embeddings to the partial gradients of E's parameters.
/// `input` is the input of the forward pass.
///
/// # Errors
/// [`crate::Error::Kernel`] when a gradient tensor exceeds the adapter's binding size or memory.
pub fn embed_backward(
    gpu: &Gpu,
    recording: &mut Recording,
    population: &Population,
    input: &Input,
    activations: &Activations,
    mode: &Mode,
    normalise: Normalise,
) -> Result<()> {
    let architecture = &population.architecture;
    let batch = activations.batch;
    let n_convs = architecture.convs.len();
    let last = n_convs - 1;
    let grad_embedding = activations.gradients().embedding.clone();
    let (pooled, argmax) = (&activations.pooled[last], activations.pool_argmax[last].clone());
    let activation = |layer: usize| LeakyDropout { slope: architecture.slope, scale: mode.dropout(layer).scale() };
    let of_last = match normalise {
        Normalise::Frame => {
            let grad_input = PooledGrad { gradients: gpu.tensor("d_pool", pooled.shape())?, argmax };
            let pooled = pooled.clone();
            recording.push(FrameMeanGrad {
                grad_output: grad_embedding,
                pooled,
                grad_input: grad_input.clone(),
                activation: activation(last),
            });
            GradOutput::Stored(grad_input)
        }
        Normalise::None | Normalise::Segment => {
            let (chunks, activation) = (batch.chunks, activation(last));
            GradOutput::Mean(EmbeddingMean { grad_output: grad_embedding, argmax, chunks, activation })
        }
    };
    for layer in (0..n_convs).rev() {
        let shape = architecture.conv_shape(layer, batch.members, batch.segments * batch.chunks);
        let grad_output =
            if layer == last { of_last.clone() } else { GradOutput::Stored(activations.pooled_grad(layer)) };
        recording.push(ConvWeightGrad {
            shape,
            input: if layer == 0 { input.clone() } else { Input::Dense(activations.pooled[layer - 1].clone()) },
            grad_output: grad_output.clone(),
            partials: population.partials.clone(),
            at: population.partials_at[layer],
            members: population.progress.clone(),
            tile: tiles::weight_grad(gpu, &shape).0,
        });
        if layer > 0 {
            recording.push(ConvInputGrad {
                shape,
                activation: activation(layer - 1),
                grad_output,
                packed: population.backward_weights(gpu, layer),
                grad_input: activations.pooled_grad(layer - 1),
                members: population.progress.clone(),
                tile: tiles::input_grad(gpu, &shape),
            });
        }
    }
    Ok(())
}
