//! Gradient of a convolution layer's output, as `conv_input_grad` and `conv_weight_grad` read it.

use crate::Result;
use crate::gpu::{Binding, Constant, DeviceClass, Gpu, Tensor};
use crate::kernels::conv::{ConvShape, ConvTile, random_window_grads};
use crate::kernels::pool_argmax::{LeakyDropout, PoolArgmax, PooledGrad, WindowGrad};
use crate::kernels::{Case, CaseRun, random};

/// Source of the gradient of a layer's output.
#[derive(Clone)]
pub enum GradOutput {
    /// Gradient at the pool winners, stored by the backward pass of the next layer.
    Stored(PooledGrad),
    /// Gradient of the embedding, which is the mean of the outputs.
    Mean(EmbeddingMean),
}

/// Backward pass through the mean over time steps and chunks, and through LeakyReLU and dropout of the last layer (SPEC
/// §2).
#[derive(Clone)]
pub struct EmbeddingMean {
    /// Gradient of the embeddings, `[member, segment, mel · channel]`.
    pub grad_output: Tensor<f32>,
    /// Pool winners of the last layer.
    pub argmax: PoolArgmax,
    /// Chunks per segment.
    pub chunks: usize,
    /// LeakyReLU and dropout of the last layer.
    pub activation: LeakyDropout,
}

impl GradOutput {
    pub(super) fn argmax(&self) -> &PoolArgmax {
        match self {
            Self::Stored(pooled) => &pooled.argmax,
            Self::Mean(mean) => &mean.argmax,
        }
    }

    /// Returns the files for the slots `grad_output_plane` and `grad_output_row`, for tiles of full or partial rows.
    /// With `partial_vec4`, partial rows are read four windows at a time.
    pub(super) fn slots(
        &self,
        shape: &ConvShape,
        full_row: bool,
        partial_vec4: bool,
    ) -> [(&'static str, &'static str); 2] {
        let (plane, row) = match self {
            Self::Mean(_) => ("conv/grad_output_of_mean.wgsl", "conv/grad_output_of_mean.wgsl"),
            Self::Stored(_) if partial_vec4 => {
                ("conv/grad_output_dense.wgsl", "conv/grad_output_row_partial_vec4.wgsl")
            }
            Self::Stored(_) if full_row && shape.windows()[1].is_multiple_of(4) => {
                ("conv/grad_output_dense.wgsl", "conv/grad_output_row_full_vec4.wgsl")
            }
            Self::Stored(_) => ("conv/grad_output_dense.wgsl", "conv/grad_output_row_scalar.wgsl"),
        };
        [("grad_output_plane", plane), ("grad_output_row", row)]
    }

    pub(super) fn constants(&self) -> Vec<(&'static str, Constant)> {
        let mut constants = vec![("ARGMAX_PER_WORD", self.argmax().per_word.into())];
        if let Self::Mean(mean) = self {
            constants.extend([
                ("SEGMENT_CHUNKS", mean.chunks.into()),
                ("OUTPUT_SLOPE", mean.activation.slope.into()),
                ("OUTPUT_DROPOUT_SCALE", mean.activation.scale.into()),
            ]);
        }
        constants
    }

    pub(super) fn bindings(&self) -> [(&'static str, Binding); 2] {
        let gradients = match self {
            Self::Stored(pooled) => pooled.gradients.binding(),
            Self::Mean(mean) => mean.grad_output.binding(),
        };
        [("grad_output", gradients), ("pool_argmax", self.argmax().binding())]
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Stored(pooled) => pooled.bytes(),
            Self::Mean(mean) => (mean.grad_output.len() + mean.argmax.tensor.len()) * 4,
        }
    }
}

/// Computes the gradients at the pool winners of the last layer, `[member, segment, chunk, channel, time, mel]`.
pub fn mean_oracle(
    shape: &[usize; 6],
    activation: LeakyDropout,
    grad_output: &[f64],
    argmax: &[WindowGrad],
) -> Vec<WindowGrad> {
    let [_, _, chunks, channels, time, mel] = *shape;
    let propagated = |(index, window): (usize, &WindowGrad)| {
        let (segment, channel, m) =
            (index / (chunks * channels * time * mel), index / (time * mel) % channels, index % mel);
        let gradient = grad_output[segment * mel * channels + m * channels + channel] / (chunks * time) as f64;
        WindowGrad { gradient: (gradient * window.factor(activation)) as f32, ..*window }
    };
    argmax.iter().enumerate().map(propagated).collect()
}

/// Returns seeded random gradients of the outputs of `shape`, and the gradients at the pool winners for the oracle.
/// With `mean`, the gradient is that of embeddings of segments of `mean` chunks; otherwise it is stored.
pub(super) fn random_grad_output(
    gpu: &Gpu,
    shape: &ConvShape,
    per_word: usize,
    mean: Option<usize>,
) -> Result<(GradOutput, Vec<WindowGrad>)> {
    let windows = shape.output_shape();
    let window_grads = random_window_grads("grad_output", &windows, shape.window_size());
    let Some(chunks) = mean else {
        return Ok((
            GradOutput::Stored(PooledGrad::from(gpu, "grad_output", &windows, &window_grads, per_word)?),
            window_grads,
        ));
    };
    let [members, all_chunks, channels, time, mel] = windows;
    let activation = LeakyDropout { slope: 0.3, scale: 1.5 };
    let segments = all_chunks / chunks;
    let (grad_output, of_embedding) = random(gpu, "grad_output", &[members, segments, mel * channels])?;
    let argmax = PoolArgmax::new(gpu, "argmax", &windows, per_word)?;
    gpu.write(&argmax.tensor, 0, &PoolArgmax::pack(&window_grads, mel, per_word));
    let window_grads =
        mean_oracle(&[members, segments, chunks, channels, time, mel], activation, &of_embedding, &window_grads);
    Ok((GradOutput::Mean(EmbeddingMean { grad_output, argmax, chunks, activation }), window_grads))
}

/// Returns cases in which the layer's outputs are averaged: the model's last layer, and a layer with odd sizes and
/// several chunks per segment.
pub(super) fn mean_cases(prepare: fn(&Gpu, ConvShape, ConvTile, usize) -> Result<CaseRun>) -> Vec<Case> {
    let lanes = ConvTile { windows: [5, 2], channel_vectors: 1, lanes: 8, workgroup: 8 };
    let alone = ConvTile { windows: [1, 2], channel_vectors: 1, lanes: 1, workgroup: 32 };
    let last = ConvShape::new([1, 3, 32, 5, 4], 65, 3, [1, 2]);
    let odd = ConvShape::new([2, 6, 3, 6, 12], 7, 3, [2, 4]);
    vec![
        Case::new("under a mean", move |gpu| prepare(gpu, last, lanes, 1)).only_on(DeviceClass::Llvmpipe),
        Case::new("under a mean of two chunks", move |gpu| prepare(gpu, odd, alone, 2)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::chunk_mean;

    /// Compares the oracle with the response to one-hot inputs, which is the derivative because the mean is linear.
    #[test]
    fn the_oracle_is_the_transpose_of_the_forward_oracle() {
        let shape = [1, 2, 3, 4, 2, 2];
        let n: usize = shape.iter().product();
        let grad_output: Vec<f64> = (0..16).map(|i| (i as f64 * 0.7).sin()).collect();
        let identity = vec![WindowGrad::new(0, WindowGrad::POSITIVE); n];
        let activation = LeakyDropout { slope: 0.2, scale: 1.0 };
        let gradients = mean_oracle(&shape, activation, &grad_output, &identity);
        for (index, gradient) in gradients.iter().enumerate() {
            let one_hot: Vec<f64> = (0..n).map(|i| f64::from(u8::from(i == index))).collect();
            let response: f64 = chunk_mean::oracle(&shape, &one_hot).iter().zip(&grad_output).map(|(a, b)| a * b).sum();
            assert!((response - f64::from(gradient.gradient)).abs() < 1e-7);
        }
    }
}
