//! The kernels of a forward and of a backward pass, in order (SPEC §§2, 3).

use super::{Activations, Population};
use crate::Result;
use crate::config::Normalise;
use crate::gpu::{Gpu, Recording, Tensor};
use crate::kernels::chunk_mean::ChunkMean;
use crate::kernels::conv::ConvShape;
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
use crate::kernels::scale_rows::ScaleRows;
use crate::kernels::tagger_step::{TaggerLayer, TaggerStep};
use crate::kernels::zero_padding::ZeroPadding;

/// A forward pass of a population over one batch, and in training the backward pass. Its methods push the kernels, each
/// of which reads and writes tensors of the population and of the batch.
#[derive(Clone, Copy)]
pub struct Pass<'a> {
    /// Device that computes.
    pub gpu: &'a Gpu,
    /// Models that compute.
    pub population: &'a Population,
    /// Tensors of the batch.
    pub activations: &'a Activations,
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

impl Pass<'_> {
    /// Pushes E from `input`, standardised log-mel, to [`Activations::embedding`]. [`Normalise::Frame`] scales each
    /// time step to unit length. [`Normalise::Segment`] is applied by the callers that compute distances.
    pub fn embed_forward(&self, recording: &mut Recording, input: &Input, normalise: Normalise) {
        let Self { gpu, population, activations } = self;
        let n_convs = population.architecture.convs.len();
        for layer in 0..n_convs {
            let shape = self.conv_shape(layer);
            recording.push(ConvForward {
                shape,
                layer,
                slope: population.architecture.slope,
                input: self.conv_input(layer, input),
                packed: population.forward_weights(gpu, layer),
                output: activations.pooled[layer].clone(),
                pool_argmax: activations.pool_argmax.get(layer).cloned(),
                members: population.progress.clone(),
                dropout: activations.dropout(layer),
                tile: population.tiles.forward(gpu.class(), &shape),
            });
        }
        let (pooled, embedding) = (activations.pooled[n_convs - 1].clone(), activations.embedding.clone());
        if let Some(padding) = &activations.padding {
            recording.push(ZeroPadding::new(padding, &pooled));
            // Without a winner, the windows of the padding have no gradient in the backward pass either.
            if let Some(argmax) = activations.pool_argmax.last() {
                recording.push(ZeroPadding::new(padding, &argmax.tensor));
            }
        }
        match normalise {
            Normalise::Frame => recording.push(FrameMean { pooled, embedding: embedding.clone() }),
            Normalise::None | Normalise::Segment => recording.push(ChunkMean { pooled, embedding: embedding.clone() }),
        }
        if let Some(padding) = activations.padding.clone() {
            recording.push(ScaleRows { padding, rows: embedding });
        }
    }

    /// Pushes G from [`Activations::embedding`] to [`Activations::tagger`], for evaluation.
    pub fn tag_forward(&self, recording: &mut Recording) {
        let Self { gpu, population, activations } = self;
        let architecture = &population.architecture;
        let segments = activations.batch.segments;
        let mut input = &activations.embedding;
        for (layer, output) in activations.tagger.iter().enumerate() {
            let is_hidden = layer < architecture.hidden.len();
            recording.push(LinearForward {
                shape: architecture.linear_shape(layer, population.members, segments),
                input: input.clone(),
                packed: population.linear_weights(layer),
                output: output.clone(),
                members: population.progress.clone(),
                activation: if is_hidden { Activation::Leaky(architecture.slope) } else { Activation::Sigmoid },
                tile: LinearTile::of(gpu, segments),
            });
            input = output;
        }
    }

    /// Pushes a training step of G from [`Activations::embedding`]: forward pass, loss, and backward pass to the
    /// partial gradients of G's parameters and, with `embedding_learns`, to the gradients of the embeddings. Panics if
    /// the activations were made for evaluation.
    pub fn tag_step(&self, recording: &mut Recording, supervision: Supervision, embedding_learns: bool) {
        let Self { gpu, population, activations } = self;
        let architecture = &population.architecture;
        let n_convs = architecture.convs.len();
        let gradients = activations.gradients();
        let layer = |layer: usize| TaggerLayer {
            shape: architecture.linear_shape(layer, population.members, activations.batch.segments),
            packed: population.linear_weights(layer),
            at: population.partials_at[n_convs + layer],
        };
        let Supervision { targets, batches, losses } = supervision;
        recording.push(TaggerStep {
            layers: (0..architecture.n_linears()).map(layer).collect(),
            first_layer: n_convs,
            slope: architecture.slope,
            dropout: if architecture.hidden.is_empty() { Dropout::Off } else { activations.dropout(n_convs) },
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

    /// Pushes the backward pass through E: from the gradients of the embeddings to the partial gradients of E's
    /// parameters. `input` and `normalise` are those of the forward pass. Panics if the activations were made for
    /// evaluation.
    ///
    /// # Errors
    /// [`crate::Error::Kernel`] when a gradient tensor exceeds the adapter's binding size or memory.
    pub fn embed_backward(&self, recording: &mut Recording, input: &Input, normalise: Normalise) -> Result<()> {
        let Self { gpu, population, activations } = self;
        let slope = population.architecture.slope;
        let activation = |layer: usize| LeakyDropout { slope, scale: activations.dropout(layer).scale() };
        let last = population.architecture.convs.len() - 1;
        let grad_embedding = activations.gradients().embedding.clone();
        if let Some(padding) = activations.padding.clone() {
            recording.push(ScaleRows { padding, rows: grad_embedding.clone() });
        }
        let (pooled, argmax) = (&activations.pooled[last], activations.pool_argmax[last].clone());
        let of_last = match normalise {
            Normalise::Frame => {
                let grad_input = PooledGrad { gradients: gpu.tensor("d_pool", pooled.shape())?, argmax };
                recording.push(FrameMeanGrad {
                    grad_output: grad_embedding,
                    pooled: pooled.clone(),
                    grad_input: grad_input.clone(),
                    activation: activation(last),
                });
                GradOutput::Stored(grad_input)
            }
            Normalise::None | Normalise::Segment => {
                let (chunks, activation) = (activations.batch.chunks, activation(last));
                GradOutput::Mean(EmbeddingMean { grad_output: grad_embedding, argmax, chunks, activation })
            }
        };
        for layer in (0..=last).rev() {
            let shape = self.conv_shape(layer);
            let grad_output =
                if layer == last { of_last.clone() } else { GradOutput::Stored(activations.pooled_grad(layer)) };
            recording.push(ConvWeightGrad {
                shape,
                input: self.conv_input(layer, input),
                grad_output: grad_output.clone(),
                partials: population.partials.clone(),
                at: population.partials_at[layer],
                members: population.progress.clone(),
                tile: population.tiles.weight_grad(gpu.class(), &shape).0,
            });
            if layer > 0 {
                recording.push(ConvInputGrad {
                    shape,
                    activation: activation(layer - 1),
                    grad_output,
                    packed: population.backward_weights(gpu, layer),
                    grad_input: activations.pooled_grad(layer - 1),
                    members: population.progress.clone(),
                    tile: population.tiles.input_grad(gpu.class(), &shape),
                });
            }
        }
        Ok(())
    }

    /// Returns the shape of convolution layer `layer` for the batch.
    fn conv_shape(&self, layer: usize) -> ConvShape {
        let Population { architecture, members, .. } = self.population;
        architecture.conv_shape(layer, *members, self.activations.batch.all_chunks())
    }

    /// Returns the input of convolution layer `layer`, of which the first reads `input`.
    fn conv_input(&self, layer: usize, input: &Input) -> Input {
        match layer.checked_sub(1) {
            Some(before) => Input::Dense(self.activations.pooled[before].clone()),
            None => input.clone(),
        }
    }
}
