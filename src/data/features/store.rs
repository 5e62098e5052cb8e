//! The example store: features of all examples of a subset on the GPU, in shards that the adapter can bind.

use crate::gpu::{Gpu, Tensor};
use crate::{Error, Result};

/// Largest number of examples of a shard, because kernels use one grid axis for examples and an axis has at most this
/// size.
const MOST_PER_SHARD: usize = 65_535;

/// Features of all examples of a subset, on the GPU.
pub struct ExampleStore {
    /// Number of frames of every example.
    pub frames: usize,
    /// Number of mel bands of every frame.
    pub bands: usize,
    shards: Vec<Shard>,
}

/// Consecutive examples in one tensor.
pub struct Shard {
    /// Features, `[example, frame, band]`.
    pub tensor: Tensor<f32>,
    /// Index of the shard's first example in the store.
    pub first: usize,
    /// Number of the shard's examples.
    pub count: usize,
}

impl ExampleStore {
    /// Allocates memory for `count` examples, in as few shards as the adapter's largest binding allows.
    ///
    /// # Errors
    /// [`Error::Kernel`] if not even one example can be bound, or memory runs out.
    pub fn new(gpu: &Gpu, count: usize, frames: usize, bands: usize) -> Result<Self> {
        let bytes = (frames * bands * size_of::<f32>()) as u64;
        let most = usize::try_from(gpu.max_binding_bytes() / bytes.max(1)).unwrap_or(usize::MAX).min(MOST_PER_SHARD);
        if most == 0 {
            return Err(Error::kernel(
                "features",
                format!(
                    "an example of {frames} frames takes {bytes} bytes, the adapter binds at most {}: use shorter segments",
                    gpu.max_binding_bytes()
                ),
            ));
        }
        let shards = (0..count).step_by(most).map(|first| {
            let examples = most.min(count - first);
            let tensor = gpu.tensor("features", &[examples, frames, bands])?;
            Ok(Shard { tensor, first, count: examples })
        });
        Ok(Self { frames, bands, shards: shards.collect::<Result<_>>()? })
    }

    /// Returns the number of examples.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.count).sum()
    }

    /// Returns whether there is no example.
    pub fn is_empty(&self) -> bool {
        self.shards.is_empty()
    }

    /// Returns the shards in the order of their examples.
    pub fn shards(&self) -> &[Shard] {
        &self.shards
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_cover_all_examples_and_fit_a_binding() {
        let gpu = Gpu::noop();
        let (frames, bands) = (100_000, 64);
        let most = (gpu.max_binding_bytes() / (frames * bands * 4) as u64) as usize;
        let store = ExampleStore::new(&gpu, 2 * most + 1, frames, bands).unwrap();
        assert_eq!(store.len(), 2 * most + 1);
        let ranges: Vec<_> = store.shards().iter().map(|s| (s.first, s.count)).collect();
        assert_eq!(ranges, [(0, most), (most, most), (2 * most, 1)]);
        for shard in store.shards() {
            shard.tensor.expect_shape(&[shard.count, frames, bands]);
            assert!(4 * shard.tensor.len() as u64 <= gpu.max_binding_bytes());
        }
    }

    #[test]
    fn an_example_beyond_any_binding_is_an_error() {
        assert!(ExampleStore::new(&Gpu::noop(), 1, 1 << 24, 64).is_err());
        assert!(ExampleStore::new(&Gpu::noop(), 0, 20, 64).unwrap().is_empty());
    }
}
