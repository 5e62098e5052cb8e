//! The example store: features of all examples of a subset, in shards that the adapter can bind. They lie on the GPU in
//! single or half precision, or are streamed into the shards in windows.

use std::sync::Arc;

use super::raw::{FeatureShape, RawFeatures};
use super::scaling::Scaling;
use super::shard::Shard;
use super::stream::FeatureStream;
use crate::config::Precision;
use crate::gpu::{Gpu, Recording};
use crate::kernels::pack_f16::PackF16;
use crate::kernels::stored::{HalfFeatures, Stored};
use crate::{Error, Result};

/// Largest number of examples of a shard, because kernels use one grid axis for examples and an axis has at most this
/// size.
const MOST_PER_SHARD: usize = 65_535;

/// Number of bytes that are read from a file and uploaded at a time.
pub const BLOCK_BYTES: usize = 64 << 20;

/// Features of all examples of a subset.
pub struct ExampleStore {
    /// Number of frames of every example.
    pub frames: usize,
    /// Number of mel bands of every frame.
    pub bands: usize,
    count: usize,
    shards: Vec<Shard>,
    halves: Vec<HalfShard>,
    stream: Option<Arc<FeatureStream>>,
}

/// Consecutive examples in half precision.
struct HalfShard {
    features: HalfFeatures,
    first: usize,
    count: usize,
}

/// A shard as the kernels read it that copy a batch.
pub struct StoredShard {
    /// Features of the shard's examples.
    pub features: Stored,
    /// Position of the shard's first example.
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
        let shards = parts(gpu, FeatureShape { examples: count, frames, bands }, Precision::F32)?;
        let shards = shards.into_iter().map(|(first, count)| {
            let tensor = gpu.tensor("features", &[count, frames, bands])?;
            Ok(Shard { tensor, first, count })
        });
        let shards = shards.collect::<Result<_>>()?;
        Ok(Self { frames, bands, count, shards, halves: Vec::new(), stream: None })
    }

    /// Uploads all examples of `source`, which are not standardised yet.
    ///
    /// # Errors
    /// The errors of [`ExampleStore::new`] and of the source.
    pub fn raw(gpu: &Gpu, source: &dyn RawFeatures, shape: FeatureShape) -> Result<Self> {
        let FeatureShape { examples, frames, bands } = shape;
        let store = Self::new(gpu, examples, frames, bands)?;
        for shard in &store.shards {
            for (start, values) in blocks(source, shape, shard.first, shard.count) {
                gpu.write(&shard.tensor, start * shape.values(), &values?);
                // Waiting keeps one block staged.
                gpu.mark();
                gpu.wait()?;
            }
        }
        Ok(store)
    }

    /// Makes a store of all examples of `source` in half precision, standardised and rounded.
    ///
    /// # Errors
    /// [`Error::Config`] if examples have a number of values that is no multiple of four; the errors of
    /// [`ExampleStore::new`] and of the source.
    pub fn half(gpu: &Gpu, source: &dyn RawFeatures, shape: FeatureShape, scaling: &Scaling<'_>) -> Result<Self> {
        let FeatureShape { examples: count, frames, bands } = shape;
        if !shape.values().is_multiple_of(4) {
            let reason =
                format!("f16 needs a multiple of four values in an example, not {frames} frames × {bands} bands");
            return Err(Error::config("train.precision", reason));
        }
        let mut halves = Vec::new();
        for (first, count) in parts(gpu, shape, Precision::F16)? {
            let words = gpu.tensor("features in f16", &[count, shape.values() / 2])?;
            let features = HalfFeatures { words, frames, bands };
            let room = block(shape).min(count);
            let raw = gpu.tensor("features", &[room, frames, bands])?;
            let mut recording = Recording::new("standardise and pack");
            recording.push(scaling.kernel(gpu, &raw)?);
            recording.push(PackF16 { features: raw.clone(), packed: features.clone() });
            let recording = recording.resolve(gpu)?;
            for (row, (_, values)) in (0..).zip(blocks(source, shape, first, count)) {
                gpu.write(&raw, 0, &values?);
                gpu.replay(&recording, row..row + 1)?;
                gpu.wait()?;
            }
            halves.push(HalfShard { features, first, count });
        }
        Ok(Self { frames, bands, count, shards: Vec::new(), halves, stream: None })
    }

    /// Makes a store whose examples are streamed from `source` through windows of `room` examples.
    ///
    /// # Errors
    /// The errors of [`ExampleStore::new`] and of compiling kernels.
    pub fn streamed(
        gpu: &Gpu,
        source: Box<dyn RawFeatures>,
        shape: FeatureShape,
        room: usize,
        scaling: &Scaling<'_>,
    ) -> Result<Self> {
        let FeatureShape { examples, frames, bands } = shape;
        let window = Self::new(gpu, room.clamp(1, examples.max(1)), frames, bands)?;
        let stream = FeatureStream::new(gpu, source, shape, &window.shards, scaling)?;
        Ok(Self { count: examples, stream: Some(Arc::new(stream)), ..window })
    }

    /// Returns the number of examples.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Returns whether there is no example.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Returns the shards in single precision, in the order of their examples: those of all examples, or of a window
    /// where examples are streamed. There are none in half precision.
    pub fn shards(&self) -> &[Shard] {
        &self.shards
    }

    /// Returns all shards, in single or half precision.
    pub fn stored(&self) -> Vec<StoredShard> {
        let single = self.shards.iter().map(|shard| StoredShard {
            features: Stored::F32(shard.tensor.clone()),
            first: shard.first,
            count: shard.count,
        });
        let half = self.halves.iter().map(|shard| StoredShard {
            features: Stored::F16(shard.features.clone()),
            first: shard.first,
            count: shard.count,
        });
        single.chain(half).collect()
    }

    /// Returns the stream that brings the examples into the shards; `None` if all of them are on the GPU.
    pub fn stream(&self) -> Option<&Arc<FeatureStream>> {
        self.stream.as_ref()
    }
}

/// Returns first examples and numbers of examples of the shards of `shape` in `precision`.
fn parts(gpu: &Gpu, shape: FeatureShape, precision: Precision) -> Result<Vec<(usize, usize)>> {
    let bytes = shape.values() as u64 * precision.bytes();
    let most = usize::try_from(gpu.max_binding_bytes() / bytes.max(1)).unwrap_or(usize::MAX).min(MOST_PER_SHARD);
    if most == 0 {
        return Err(Error::kernel(
            "features",
            format!(
                "an example of {} frames takes {bytes} bytes, the adapter binds at most {}: use shorter segments",
                shape.frames,
                gpu.max_binding_bytes()
            ),
        ));
    }
    Ok((0..shape.examples).step_by(most).map(|first| (first, most.min(shape.examples - first))).collect())
}

/// Returns the number of examples of a block that is read at a time.
pub fn block(shape: FeatureShape) -> usize {
    (BLOCK_BYTES / (shape.values() * size_of::<f32>()).max(1)).clamp(1, MOST_PER_SHARD)
}

/// Reads `count` examples from `first` on in blocks, each with its start behind `first`.
fn blocks(
    source: &dyn RawFeatures,
    shape: FeatureShape,
    first: usize,
    count: usize,
) -> impl Iterator<Item = (usize, Result<Vec<f32>>)> {
    let room = block(shape);
    // A training that is only planned has no values.
    let count = if source.is_planned() { 0 } else { count };
    (0..count).step_by(room).map(move |start| {
        let used = room.min(count - start);
        let ids: Vec<u32> = (first + start..first + start + used).map(|id| id as u32).collect();
        let mut values = vec![0.0; used * shape.values()];
        (start, source.read(&ids, &mut values).map(|()| values))
    })
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
