//! Gradients of a convolution layer's outputs, as the two kernels of its backward pass read them.

use crate::Result;
use crate::gpu::{Binding, Constant, DeviceClass, Gpu, Tensor};
use crate::kernels::conv::{ConvShape, ConvTile, random_routes};
use crate::kernels::routes::{Codes, Routed, Routes};
use crate::kernels::{Case, Trial, random};

/// Where the gradients of a layer's outputs come from.
#[derive(Clone)]
pub enum Upper {
    /// The layer above left them at the winners.
    Stored(Routes),
    /// The outputs have their mean in the embedding.
    Mean(EmbeddingMean),
}

/// The way back through the mean over time steps and chunks, and through the last layer's own LeakyReLU and dropout (SPEC §2).
#[derive(Clone)]
pub struct EmbeddingMean {
    /// Gradients of the embeddings, `[member, segment, mel · channel]`.
    pub d_embedding: Tensor<f32>,
    /// Winners of the last layer.
    pub codes: Codes,
    /// Chunks of one segment.
    pub chunks: usize,
    /// Slope of LeakyReLU below zero.
    pub slope: f64,
    /// What dropout multiplies kept values with.
    pub scale: f64,
}

impl Upper {
    pub(super) fn codes(&self) -> &Codes {
        match self {
            Self::Stored(routes) => &routes.codes,
            Self::Mean(mean) => &mean.codes,
        }
    }

    /// What fills the slots `grad_output_plane` and `grad_output_row`, for tiles of whole rows or of parts of them;
    /// `stretched` where parts can be read four windows at a time.
    pub(super) fn slots(
        &self,
        shape: &ConvShape,
        whole_row: bool,
        stretched: bool,
    ) -> [(&'static str, &'static str); 2] {
        let (plane, row) = match self {
            Self::Mean(_) => ("conv/upper_mean.wgsl", "conv/upper_mean.wgsl"),
            Self::Stored(_) if stretched => ("conv/upper_stored.wgsl", "conv/upper_stretches.wgsl"),
            Self::Stored(_) if whole_row && shape.windows()[1].is_multiple_of(4) => {
                ("conv/upper_stored.wgsl", "conv/upper_rows.wgsl")
            }
            Self::Stored(_) => ("conv/upper_stored.wgsl", "conv/upper_columns.wgsl"),
        };
        [("grad_output_plane", plane), ("grad_output_row", row)]
    }

    pub(super) fn constants(&self) -> Vec<(&'static str, Constant)> {
        let mut constants = vec![("PER_WORD", self.codes().per_word.into())];
        if let Self::Mean(mean) = self {
            constants.extend([
                ("SEGMENT_CHUNKS", mean.chunks.into()),
                ("UPPER_SLOPE", mean.slope.into()),
                ("UPPER_SCALE", mean.scale.into()),
            ]);
        }
        constants
    }

    pub(super) fn bindings(&self) -> [(&'static str, Binding); 2] {
        let gradients = match self {
            Self::Stored(routes) => routes.gradients.binding(),
            Self::Mean(mean) => mean.d_embedding.binding(),
        };
        [("gradients", gradients), ("codes", self.codes().tensor.binding())]
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Stored(routes) => routes.bytes(),
            Self::Mean(mean) => (mean.d_embedding.len() + mean.codes.tensor.len()) * 4,
        }
    }
}

/// Gradients at the winners of the last layer, of shape `[member, segment, chunk, channel, time, mel]`.
pub fn mean_oracle(shape: &[usize; 6], slope: f64, scale: f64, d_embedding: &[f64], lower: &[Routed]) -> Vec<Routed> {
    let [_, _, chunks, channels, time, mel] = *shape;
    let carried = |(index, below): (usize, &Routed)| {
        let (segment, channel, m) =
            (index / (chunks * channels * time * mel), index / (time * mel) % channels, index % mel);
        let gradient = d_embedding[segment * mel * channels + m * channels + channel] / (chunks * time) as f64;
        Routed { gradient: (gradient * below.factor(slope, scale)) as f32, ..*below }
    };
    lower.iter().enumerate().map(carried).collect()
}

/// Seeded random gradients of the outputs of `shape`, and the same as an oracle sees them: stored ones, or those of a mean over
/// segments of `mean` chunks.
pub(super) fn random_upper(
    gpu: &Gpu,
    shape: &ConvShape,
    per_word: usize,
    mean: Option<usize>,
) -> Result<(Upper, Vec<Routed>)> {
    let windows = shape.output_shape();
    let routed = random_routes("upper", &windows, shape.pool[0] * shape.pool[1]);
    let Some(chunks) = mean else {
        return Ok((Upper::Stored(Routes::from(gpu, "upper", &windows, &routed, per_word)?), routed));
    };
    let [members, all_chunks, channels, time, mel] = windows;
    let (slope, scale, segments) = (0.3, 1.5, all_chunks / chunks);
    let (d_embedding, above) = random(gpu, "d_embedding", &[members, segments, mel * channels])?;
    let codes = Codes::new(gpu, "codes", &windows, per_word)?;
    gpu.write(&codes.tensor, 0, &Codes::pack(&routed, mel, per_word));
    let routed = mean_oracle(&[members, segments, chunks, channels, time, mel], slope, scale, &above, &routed);
    Ok((Upper::Mean(EmbeddingMean { d_embedding, codes, chunks, slope, scale }), routed))
}

/// Trials of layers under a mean: the model's own, and one with odd sizes and several chunks in a segment.
pub(super) fn mean_cases(trial: fn(&Gpu, ConvShape, ConvTile, usize) -> Result<Trial>) -> Vec<Case> {
    let lanes = ConvTile { windows: [5, 2], units: 1, lanes: 8, workgroup: 8 };
    let alone = ConvTile { windows: [1, 2], units: 1, lanes: 1, workgroup: 32 };
    let last = ConvShape { members: 1, chunks: 3, inputs: 32, outputs: 65, time: 5, mel: 4, kernel: 3, pool: [1, 2] };
    let odd = ConvShape { members: 2, chunks: 6, inputs: 3, outputs: 7, time: 6, mel: 12, kernel: 3, pool: [2, 4] };
    vec![
        Case::new("under a mean", move |gpu| trial(gpu, last, lanes, 1)).only_on(DeviceClass::Llvmpipe),
        Case::new("under a mean of two chunks", move |gpu| trial(gpu, odd, alone, 2)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::chunk_mean;

    /// The mean is linear, so its derivative is the response to one-hot inputs.
    #[test]
    fn the_oracle_is_the_transpose_of_the_forward_oracle() {
        let shape = [1, 2, 3, 4, 2, 2];
        let n: usize = shape.iter().product();
        let d_embedding: Vec<f64> = (0..16).map(|i| (i as f64 * 0.7).sin()).collect();
        let identity = vec![Routed::new(0, Routed::POSITIVE); n];
        let gradients = mean_oracle(&shape, 0.2, 1.0, &d_embedding, &identity);
        for (index, gradient) in gradients.iter().enumerate() {
            let one_hot: Vec<f64> = (0..n).map(|i| f64::from(u8::from(i == index))).collect();
            let response: f64 = chunk_mean::oracle(&shape, &one_hot).iter().zip(&d_embedding).map(|(a, b)| a * b).sum();
            assert!((response - f64::from(gradient.gradient)).abs() < 1e-7);
        }
    }
}
