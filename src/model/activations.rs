//! Tensors of a pass on the GPU: every layer's output, and the gradients of the backward pass.

use super::{Architecture, BatchShape, Population};
use crate::Result;
use crate::gpu::{Gpu, Tensor};
use crate::kernels::dropout::Dropout;
use crate::kernels::pool_argmax::{PoolArgmax, PooledGrad};
use crate::kernels::zero_padding::Padding;

/// The purpose of a pass: evaluation or training.
#[derive(Clone)]
pub enum Mode {
    /// Evaluation: G outputs probabilities, nothing is dropped out, and there is no backward pass.
    Evaluate,
    /// Training: G outputs logits, dropout is applied, and the pool argmax is kept for the backward pass.
    Train {
        /// Dropout of each layer: the convolutions, then G's hidden layers.
        dropout: Vec<Dropout>,
    },
}

/// Tensors of one batch.
pub struct Activations {
    /// Shape of the batch.
    pub batch: BatchShape,
    /// Padding of the segments, which counts in no mean; `None` where every clip fills its segment.
    pub padding: Option<Padding>,
    /// Purpose of the passes over the batch.
    mode: Mode,
    /// Output of each convolution layer after the pool, `[member, chunk, channel, time, mel]`; of the last layer
    /// `[member, segment, chunk, channel, time, mel]`.
    pub pooled: Vec<Tensor<f32>>,
    /// Pool argmax of each convolution layer; empty in evaluation.
    pub pool_argmax: Vec<PoolArgmax>,
    /// Embeddings, `[member, segment, mel · channel]`.
    pub embedding: Tensor<f32>,
    /// Outputs of G's layers, `[member, segment, unit]`, of which the last are probabilities; empty in training.
    pub tagger: Vec<Tensor<f32>>,
    /// Gradients of the backward pass; `None` in evaluation.
    pub gradients: Option<Gradients>,
}

/// Gradients of a batch, and the intermediate values of G's training step.
pub struct Gradients {
    /// Gradients at the pool argmax of every convolution layer except the last, in the shapes of
    /// [`Activations::pooled`]. Those of the last layer follow from [`Gradients::embedding`].
    pub pooled: Vec<Tensor<f32>>,
    /// Gradients of the embeddings, `[member, segment, mel · channel]`.
    pub embedding: Tensor<f32>,
    /// Outputs of all of G's layers and their gradients before LeakyReLU and dropout, `[member, segment, 2, unit]`. The
    /// last units are the logits.
    pub tagger: Tensor<f32>,
}

impl Activations {
    /// Returns the probabilities, `[member, segment, class]`. Panics if the activations were made for training.
    pub fn probabilities(&self) -> &Tensor<f32> {
        self.tagger.last().expect("activations made for evaluation")
    }

    /// Returns the size in bytes of the largest tensor for training one member on `chunks` chunks, which a device must
    /// be able to bind.
    pub fn largest_bytes(architecture: &Architecture, chunks: usize) -> u64 {
        let outputs = |layer: usize| architecture.conv_shape(layer, 1, chunks).output_shape().iter().product::<usize>();
        let largest = (0..architecture.convs.len()).map(|layer| outputs(layer) * size_of::<f32>()).max();
        let input = chunks * architecture.chunk_frames * architecture.bands * size_of::<f32>();
        largest.unwrap_or(0).max(input) as u64
    }

    /// Returns the dropout of layer `layer`, counted over the convolutions and then G's hidden layers.
    pub(super) fn dropout(&self, layer: usize) -> Dropout {
        match &self.mode {
            Mode::Evaluate => Dropout::Off,
            Mode::Train { dropout } => dropout[layer].clone(),
        }
    }

    /// Returns pool argmax and gradients of convolution layer `layer`, which must not be the last. Panics if the
    /// activations were made for evaluation.
    pub(super) fn pooled_grad(&self, layer: usize) -> PooledGrad {
        PooledGrad { gradients: self.gradients().pooled[layer].clone(), argmax: self.pool_argmax[layer].clone() }
    }

    /// Returns the gradients. Panics if the activations were made for evaluation.
    pub fn gradients(&self) -> &Gradients {
        self.gradients.as_ref().expect("activations made for training")
    }

    /// Allocates the tensors for passes of `population` over a batch of the shape `batch`.
    ///
    /// # Errors
    /// [`crate::Error::Kernel`] when a tensor exceeds the adapter's binding size or memory.
    pub fn new(gpu: &Gpu, population: &Population, batch: BatchShape, mode: Mode) -> Result<Self> {
        let (architecture, members) = (&population.architecture, population.members);
        let BatchShape { segments, chunks } = batch;
        let train = matches!(mode, Mode::Train { .. });
        let last = architecture.convs.len() - 1;
        let shape = |layer: usize| {
            let [_, _, channels, time, mel] = architecture.conv_shape(layer, members, segments * chunks).output_shape();
            match layer == last {
                true => vec![members, segments, chunks, channels, time, mel],
                false => vec![members, segments * chunks, channels, time, mel],
            }
        };
        let layers = 0..=last;
        let of_segment = |name: &str, size: usize| gpu.tensor(name, &[members, segments, size]);
        let widths: Vec<usize> = architecture.hidden.iter().copied().chain([architecture.classes]).collect();
        let gradients = || -> Result<Gradients> {
            Ok(Gradients {
                pooled: (0..last)
                    .map(|layer| gpu.tensor(&format!("d_pool{layer}"), &shape(layer)))
                    .collect::<Result<_>>()?,
                embedding: of_segment("d_embedding", architecture.embedding())?,
                tagger: gpu.tensor("tagger activations", &[members, segments, 2, widths.iter().sum()])?,
            })
        };
        Ok(Self {
            batch,
            padding: None,
            mode,
            pooled: layers
                .clone()
                .map(|layer| gpu.tensor(&format!("pool{layer}"), &shape(layer)))
                .collect::<Result<_>>()?,
            pool_argmax: match train {
                true => layers
                    .map(|layer| {
                        let conv = architecture.conv_shape(layer, members, segments * chunks);
                        let per_word = population.tiles.forward(gpu.class(), &conv).argmax_per_word(&conv);
                        PoolArgmax::new(gpu, &format!("pool_argmax{layer}"), &shape(layer), per_word)
                    })
                    .collect::<Result<_>>()?,
                false => Vec::new(),
            },
            embedding: of_segment("embedding", architecture.embedding())?,
            tagger: match train {
                true => Vec::new(),
                false => widths
                    .iter()
                    .enumerate()
                    .map(|(layer, units)| of_segment(&format!("tagger{layer}"), *units))
                    .collect::<Result<_>>()?,
            },
            gradients: train.then(gradients).transpose()?,
        })
    }
}
