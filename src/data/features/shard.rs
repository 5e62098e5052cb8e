//! A part of an example store that kernels can bind.

use crate::gpu::Tensor;

/// Consecutive examples in one tensor.
#[derive(Clone)]
pub struct Shard {
    /// Features, `[example, frame, band]`.
    pub tensor: Tensor<f32>,
    /// Index of the shard's first example in the store.
    pub first: usize,
    /// Number of the shard's examples.
    pub count: usize,
}
