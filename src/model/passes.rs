//! The kernels of a forward and of a backward pass, in order (SPEC §§2, 3).

use super::{Activations, Mode, Population, tiles};
use crate::config::Normalise;
use crate::gpu::{Gpu, Recording};
use crate::kernels::chunk_mean::ChunkMean;
use crate::kernels::chunk_mean_grad::ChunkMeanGrad;
use crate::kernels::conv_forward::ConvForward;
use crate::kernels::conv_input_grad::ConvInputGrad;
use crate::kernels::conv_weight_grad::ConvWeightGrad;
use crate::kernels::dropout::Dropout;
use crate::kernels::frame_mean::FrameMean;
use crate::kernels::frame_mean_grad::FrameMeanGrad;
use crate::kernels::group_uniform::is_shown;
use crate::kernels::linear_backward::{Below, LinearBackward};
use crate::kernels::linear_forward::{Activation, LinearForward};

/// Pushes E and G from `activations.input` to `activations.output`.
pub fn forward(gpu: &Gpu, recording: &mut Recording, population: &Population, activations: &Activations, mode: &Mode) {
    embed_forward(gpu, recording, population, activations, mode, Normalise::None);
    tag_forward(recording, population, activations, mode);
}

/// Pushes the way back from the gradient of the logits to the partial gradients of every parameter. Panics when the
/// activations were made for evaluation.
pub fn backward(gpu: &Gpu, recording: &mut Recording, population: &Population, activations: &Activations, mode: &Mode) {
    tag_backward(gpu, recording, population, activations, mode);
    embed_backward(gpu, recording, population, activations, mode, Normalise::None);
}

/// Pushes E from `activations.input` to `activations.embedding`. [`Normalise::Frame`] scales each time step to unit length;
/// a segment is normalised by whoever takes distances.
pub fn embed_forward(
    gpu: &Gpu,
    recording: &mut Recording,
    population: &Population,
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
            input: if layer == 0 { activations.input.clone() } else { activations.pooled[layer - 1].clone() },
            packed: population.forward_weights(gpu, layer),
            output: activations.pooled[layer].clone(),
            codes: activations.routes.get(layer).map(|routes| routes.codes.clone()),
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

/// Pushes G from `activations.embedding` to `activations.output`.
pub fn tag_forward(recording: &mut Recording, population: &Population, activations: &Activations, mode: &Mode) {
    let architecture = &population.architecture;
    let batch = activations.batch;
    let n_convs = architecture.convs.len();
    let values = activations.of_tagger();
    for layer in 0..architecture.n_linears() {
        let is_hidden = layer < architecture.hidden.len();
        recording.push(LinearForward {
            shape: architecture.linear_shape(layer, batch.members, batch.segments),
            layer: n_convs + layer,
            input: values[layer].clone(),
            packed: population.linear_weights(layer),
            output: values[layer + 1].clone(),
            members: population.progress.clone(),
            activation: match mode {
                _ if is_hidden => Activation::Leaky(architecture.slope),
                Mode::Evaluate => Activation::Sigmoid,
                Mode::Train { .. } => Activation::None,
            },
            dropout: if is_hidden { mode.dropout(n_convs + layer) } else { Dropout::Off },
        });
    }
}

/// Pushes the way back through G: from the gradient of the logits to that of the embedding and the partial gradients of G's
/// parameters.
pub fn tag_backward(
    gpu: &Gpu,
    recording: &mut Recording,
    population: &Population,
    activations: &Activations,
    mode: &Mode,
) {
    let architecture = &population.architecture;
    let batch = activations.batch;
    let n_convs = architecture.convs.len();
    let (values, gradients) = (activations.of_tagger(), activations.gradients().of_tagger());
    let below = |layer: usize| Below { layer, slope: architecture.slope, dropout: mode.dropout(layer) };
    for layer in (0..architecture.n_linears()).rev() {
        recording.push(LinearBackward {
            shape: architecture.linear_shape(layer, batch.members, batch.segments),
            input: values[layer].clone(),
            // The embedding is a mean: E has its own way back through LeakyReLU and dropout.
            below: (layer > 0).then(|| below(n_convs + layer - 1)),
            packed: population.linear_weights(layer),
            d_output: gradients[layer + 1].clone(),
            d_input: gradients[layer].clone(),
            partials: population.partials.clone(),
            at: population.partials_at[n_convs + layer],
            members: population.progress.clone(),
            shown: is_shown(gpu),
        });
    }
}

/// Pushes the way back through E: from the gradient of the embedding to the partial gradients of E's parameters.
pub fn embed_backward(
    gpu: &Gpu,
    recording: &mut Recording,
    population: &Population,
    activations: &Activations,
    mode: &Mode,
    normalise: Normalise,
) {
    let architecture = &population.architecture;
    let batch = activations.batch;
    let n_convs = architecture.convs.len();
    let [channels, time, mel] = architecture.last();
    let shape = [batch.members, batch.segments, batch.chunks, channels, time, mel];
    let d_embedding = activations.gradients().embedding.clone();
    let lower = activations.routes[n_convs - 1].clone();
    let (slope, scale) = (architecture.slope, mode.dropout(n_convs - 1).scale());
    match normalise {
        Normalise::Frame => {
            let pooled = activations.pooled[n_convs - 1].clone();
            recording.push(FrameMeanGrad { d_embedding, pooled, lower, slope, scale });
        }
        Normalise::None | Normalise::Segment => {
            recording.push(ChunkMeanGrad { d_embedding, lower, shape, slope, scale });
        }
    }
    for layer in (0..n_convs).rev() {
        let shape = architecture.conv_shape(layer, batch.members, batch.segments * batch.chunks);
        recording.push(ConvWeightGrad {
            shape,
            input: if layer == 0 { activations.input.clone() } else { activations.pooled[layer - 1].clone() },
            upper: activations.routes[layer].clone(),
            partials: population.partials.clone(),
            at: population.partials_at[layer],
            members: population.progress.clone(),
            tile: tiles::weight_grad(gpu, &shape).0,
        });
        if layer > 0 {
            recording.push(ConvInputGrad {
                shape,
                slope: architecture.slope,
                scale: mode.dropout(layer - 1).scale(),
                upper: activations.routes[layer].clone(),
                packed: population.backward_weights(gpu, layer),
                lower: activations.routes[layer - 1].clone(),
                members: population.progress.clone(),
                tile: tiles::input_grad(gpu, &shape),
            });
        }
    }
}
