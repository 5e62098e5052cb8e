//! `chunk_mean`: embedding of a segment, the mean over time steps and chunks (SPEC §2).

use crate::Result;
use crate::gpu::{Binding, Constant, Gpu, Kernel, ShaderSource, Tensor, Work, bindings};
use crate::kernels::{Case, CaseRun, Expectation, random};

pub(super) const WORKGROUP: usize = 64;

/// Mean of the last layer's output over time steps and chunks.
pub struct ChunkMean {
    /// Last convolution's output, `[member, segment, chunk, channel, time, mel]`.
    pub pooled: Tensor<f32>,
    /// Embeddings, `[member, segment, mel · channel]`, with index m·channels + c.
    pub embedding: Tensor<f32>,
}

/// Returns the constants that the kernels of `pooled`, `[member, segment, chunk, channel, time, mel]`, share.
pub(super) fn constants(pooled: &Tensor<f32>) -> Vec<(&'static str, Constant)> {
    let [_, segments, chunks, channels, time, mel] = pooled.dims();
    vec![
        ("SEGMENTS", segments.into()),
        ("CHUNKS", chunks.into()),
        ("CHANNELS", channels.into()),
        ("TIME", time.into()),
        ("MEL", mel.into()),
        ("WORKGROUP", WORKGROUP.into()),
    ]
}

impl Kernel for ChunkMean {
    fn source(&self) -> ShaderSource {
        ShaderSource::file("embed/chunk_mean.wgsl")
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        constants(&self.pooled)
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        bindings![self.pooled, self.embedding]
    }

    fn grid(&self) -> [usize; 3] {
        let [members, segments, dimensions] = self.embedding.dims();
        [(segments * dimensions).div_ceil(WORKGROUP), 1, members]
    }

    fn work(&self) -> Work {
        Work { flops: self.pooled.len() as f64, bytes: ((self.pooled.len() + self.embedding.len()) * 4) as f64 }
    }
}

/// Computes embeddings `[member, segment, mel · channel]` from `pooled` `[member, segment, chunk, channel, time, mel]`.
pub fn oracle(shape: &[usize; 6], pooled: &[f64]) -> Vec<f64> {
    let [members, segments, chunks, channels, time, mel] = *shape;
    let mut embedding = vec![0.0; members * segments * mel * channels];
    for (index, value) in pooled.iter().enumerate() {
        let (segment, channel, m) =
            (index / (chunks * channels * time * mel), index / (time * mel) % channels, index % mel);
        embedding[segment * mel * channels + m * channels + channel] += value / (chunks * time) as f64;
    }
    embedding
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, shape: [usize; 6]| {
        Case::new(name, move |gpu: &Gpu| -> Result<CaseRun> {
            let [members, segments, _, channels, _, mel] = shape;
            let (pooled, values) = random(gpu, "pooled", &shape)?;
            let embedding = gpu.tensor("embedding", &[members, segments, mel * channels])?;
            let expected = oracle(&shape, &values);
            Ok(CaseRun::new(
                ChunkMean { pooled, embedding: embedding.clone() },
                vec![Expectation::close(&embedding, expected)],
            ))
        })
    };
    vec![case("one chunk", [1, 10, 1, 65, 5, 2]), case("two members, fifty chunks", [2, 3, 50, 7, 5, 3])]
}
