//! `frame_mean`: embedding of a segment, the mean of its time steps, each scaled to unit length (SPEC §2).

use crate::Result;
use crate::gpu::{Binding, Constant, Gpu, Kernel, ShaderSource, Tensor, Work, bindings};
use crate::kernels::chunk_mean::constants;
use crate::kernels::{Case, CaseRun, Expectation, normalise, random};

/// Mean of the normalised time steps of all chunks.
pub struct FrameMean {
    /// Last convolution's output, `[member, segment, chunk, channel, time, mel]`.
    pub pooled: Tensor<f32>,
    /// Embeddings, `[member, segment, mel · channel]`.
    pub embedding: Tensor<f32>,
}

impl Kernel for FrameMean {
    fn source(&self) -> ShaderSource {
        ShaderSource::file("embed/frame_mean.wgsl")
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        constants(&self.pooled)
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        bindings![self.pooled, self.embedding]
    }

    fn grid(&self) -> [usize; 3] {
        let [members, segments, _] = self.embedding.dims();
        [segments, 1, members]
    }

    fn work(&self) -> Work {
        Work { flops: 4.0 * self.pooled.len() as f64, bytes: ((self.pooled.len() + self.embedding.len()) * 4) as f64 }
    }
}

/// Returns the elements of `pooled` that form the vector of time step `t` in chunk `chunk`. Chunks are counted over all
/// members and segments.
pub(super) fn step_elements(shape: &[usize; 6], chunk: usize, t: usize) -> Vec<usize> {
    let [_, _, _, channels, time, mel] = *shape;
    (0..mel * channels).map(|e| ((chunk * channels + e % channels) * time + t) * mel + e / channels).collect()
}

/// Computes embeddings `[member, segment, mel · channel]` from `pooled` `[member, segment, chunk, channel, time, mel]`.
pub fn oracle(shape: &[usize; 6], pooled: &[f64]) -> Vec<f64> {
    let [members, segments, chunks, channels, time, mel] = *shape;
    let mut embedding = vec![0.0; members * segments * mel * channels];
    for (segment, embedding) in embedding.chunks_mut(mel * channels).enumerate() {
        for step in 0..chunks * time {
            let elements = step_elements(shape, segment * chunks + step / time, step % time);
            let row: Vec<f64> = elements.iter().map(|at| pooled[*at]).collect();
            let unit = normalise::oracle(&row);
            embedding.iter_mut().zip(unit).for_each(|(sum, x)| *sum += x / (chunks * time) as f64);
        }
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
            let kernel = FrameMean { pooled, embedding: embedding.clone() };
            Ok(CaseRun::new(kernel, vec![Expectation::close(&embedding, expected)]))
        })
    };
    vec![case("one chunk", [1, 10, 1, 65, 5, 2]), case("two members, seven chunks", [2, 3, 7, 7, 5, 3])]
}
