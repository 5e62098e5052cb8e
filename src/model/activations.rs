//! What a pass leaves on the GPU: every layer's output, and the gradients on the way back.

use super::{Architecture, tiles};
use crate::Result;
use crate::gpu::{Gpu, Tensor};
use crate::kernels::dropout::Dropout;
use crate::kernels::pool_argmax::{PoolArgmax, PooledGrad};

/// How many segments of which length enter one pass of each member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    /// Models.
    pub members: usize,
    /// Segments of one model.
    pub segments: usize,
    /// Chunks of one segment.
    pub chunks: usize,
}

/// What a pass is for.
#[derive(Clone)]
pub enum Mode {
    /// Probabilities, nothing dropped, no way back.
    Evaluate,
    /// Logits, with dropout, winners kept for the backward pass.
    Train {
        /// Dropout of every layer: convolutions, then G's hidden layers.
        dropout: Vec<Dropout>,
    },
}

impl Mode {
    /// Dropout of layer `layer`, convolutions first.
    pub(super) fn dropout(&self, layer: usize) -> Dropout {
        match self {
            Self::Evaluate => Dropout::Off,
            Self::Train { dropout } => dropout[layer].clone(),
        }
    }
}

/// The tensors of one batch.
pub struct Activations {
    /// Its size.
    pub batch: Batch,
    /// Each convolution's output, `[member, chunk, channel, time, mel]`; the last as
    /// `[member, segment, chunk, channel, time, mel]`.
    pub pooled: Vec<Tensor<f32>>,
    /// Each convolution's winners; empty in evaluation.
    pub pool_argmax: Vec<PoolArgmax>,
    /// `[member, segment, mel · channel]`.
    pub embedding: Tensor<f32>,
    /// The outputs of G's layers, `[member, segment, unit]`, of the last one as probabilities; empty in training.
    pub tagger: Vec<Tensor<f32>>,
    /// What is on its way back; none in evaluation.
    pub gradients: Option<Gradients>,
}

/// Gradients of a batch, and what G's training step keeps of it.
pub struct Gradients {
    /// At the winners of every convolution but the last, of the shapes of [`Activations::pooled`]; those of the last are the
    /// embeddings'.
    pub pooled: Vec<Tensor<f32>>,
    /// Of the embeddings, `[member, segment, mel · channel]`.
    pub embedding: Tensor<f32>,
    /// Outputs of all of G's layers and their gradients before LeakyReLU and dropout, `[member, segment, 2, unit]`; the last
    /// units are the logits.
    pub tagger: Tensor<f32>,
}

impl Activations {
    /// Probabilities, `[member, segment, class]`; panics for activations that were made for training.
    pub fn probabilities(&self) -> &Tensor<f32> {
        self.tagger.last().expect("activations made for evaluation")
    }

    /// Bytes of the largest tensor that training one member on `chunks` chunks takes: what a device must be able to bind.
    pub fn largest_bytes(architecture: &Architecture, chunks: usize) -> u64 {
        let outputs = |layer: usize| architecture.conv_shape(layer, 1, chunks).output_shape().iter().product::<usize>();
        let largest = (0..architecture.convs.len()).map(|layer| outputs(layer) * size_of::<f32>()).max();
        let input = chunks * architecture.chunk_frames * architecture.bands * size_of::<f32>();
        largest.unwrap_or(0).max(input) as u64
    }

    /// Winners and gradients of a convolution but the last; panics for activations that were made for evaluation.
    pub(super) fn pooled_grad(&self, layer: usize) -> PooledGrad {
        PooledGrad { gradients: self.gradients().pooled[layer].clone(), argmax: self.pool_argmax[layer].clone() }
    }

    /// The gradients of activations that were made for training; panics for others.
    pub fn gradients(&self) -> &Gradients {
        self.gradients.as_ref().expect("activations made for training")
    }

    /// Tensors for `batch`.
    ///
    /// # Errors
    /// [`crate::Error::Kernel`] when one exceeds what the adapter binds or has room for.
    pub fn new(gpu: &Gpu, architecture: &Architecture, batch: Batch, train: bool) -> Result<Self> {
        let Batch { members, segments, chunks } = batch;
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
            pooled: layers
                .clone()
                .map(|layer| gpu.tensor(&format!("pool{layer}"), &shape(layer)))
                .collect::<Result<_>>()?,
            pool_argmax: match train {
                true => layers
                    .map(|layer| {
                        let conv = architecture.conv_shape(layer, members, segments * chunks);
                        let per_word = tiles::forward(gpu, &conv).argmax_per_word(&conv);
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
