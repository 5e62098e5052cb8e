//! Segments of one length: features and targets on the GPU, labels on the host.

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::data::features::{ExampleStore, StoredShard};
use crate::gpu::{Gpu, Recording, Tensor};
use crate::kernels::class_means::NO_CLASS;
use crate::kernels::gather::Gather;
use crate::kernels::input::{Gathered, Input};
use crate::kernels::stored::Stored;
use crate::kernels::zero_padding::Padding;
use crate::model::Architecture;

/// The labels of an example.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SegmentLabels {
    /// Classes audible in the example, ascending.
    pub classes: Vec<usize>,
    /// Class of the dominant event; `None` without an event.
    pub dominant: Option<usize>,
    /// Length of the dominant event in the clip, in seconds.
    pub duration_s: f64,
    /// Fraction of the segment that the dominant event covers.
    pub covered: f64,
    /// Length of the example's audio in seconds, without the silence that fills up a clip which is too short.
    pub audio_s: f64,
}

impl SegmentLabels {
    /// Makes the labels of an example with one event over its whole length.
    pub fn one(class: usize, seconds: f64) -> Self {
        Self { classes: vec![class], dominant: Some(class), duration_s: seconds, covered: 1.0, audio_s: seconds }
    }
}

/// Segments of one length on the GPU.
pub struct Examples {
    /// Log-mel features.
    pub store: ExampleStore,
    /// Targets, 0 or 1, `[example, class]`.
    pub targets: Tensor<f32>,
    /// Labels of each example.
    pub labels: Vec<SegmentLabels>,
    /// Class of each example's dominant event, `[example]`; [`NO_CLASS`] without one.
    pub dominant: Tensor<u32>,
    /// Number of frames of each example before the end of its clip, `[example]`; `None` if all frames count.
    real_frames: Option<RealFrames>,
}

/// Number of frames of each example before the end of its clip, `[example]`, on the host and on the GPU.
struct RealFrames {
    host: Vec<u32>,
    device: Tensor<u32>,
}

impl Examples {
    /// Makes examples from features on the GPU.
    ///
    /// # Errors
    /// Errors of making tensors.
    pub fn new(gpu: &Gpu, store: ExampleStore, labels: Vec<SegmentLabels>, classes: usize) -> Result<Self> {
        assert_eq!(store.len(), labels.len(), "one set of labels for each example");
        let mut targets = vec![0.0; labels.len() * classes];
        for (example, labels) in labels.iter().enumerate() {
            labels.classes.iter().for_each(|label| targets[example * classes + label] = 1.0);
        }
        let dominant: Vec<u32> = labels.iter().map(|labels| labels.dominant.map_or(NO_CLASS, |c| c as u32)).collect();
        Ok(Self {
            store,
            targets: gpu.tensor_from("targets", &[labels.len(), classes], &targets)?,
            dominant: gpu.tensor_from("dominant classes", &[labels.len()], &dominant)?,
            real_frames: None,
            labels,
        })
    }

    /// Limits each example to the frames before the end of its clip, `[example]`, where some clips are shorter than the
    /// segments. Chunks behind the end then count in no mean.
    ///
    /// # Errors
    /// Errors of making a tensor.
    pub fn with_real_frames(mut self, gpu: &Gpu, real_frames: &[u32]) -> Result<Self> {
        assert_eq!(real_frames.len(), self.len(), "one number of frames for each example");
        let all = self.store.frames as u32;
        if real_frames.iter().any(|frames| *frames < all) {
            let device = gpu.tensor_from("real frames", &[real_frames.len()], real_frames)?;
            self.real_frames = Some(RealFrames { host: real_frames.to_vec(), device });
        }
        Ok(self)
    }

    /// Returns the number of frames of each example before the end of its clip; `None` if all frames count.
    pub fn real_frames(&self) -> Option<&[u32]> {
        self.real_frames.as_ref().map(|frames| frames.host.as_slice())
    }

    /// Returns [`Examples::real_frames`] on the GPU.
    pub fn real_frames_on_gpu(&self) -> Option<Tensor<u32>> {
        self.real_frames.as_ref().map(|frames| frames.device.clone())
    }

    /// Returns the padding of `batches` of these examples, `[step, member, slot]`, of which `chunks` chunks are used;
    /// `None` if there is none.
    pub fn padding(&self, architecture: &Architecture, batches: &Tensor<u32>, chunks: usize) -> Option<Padding> {
        let real_frames = self.real_frames.as_ref()?.device.clone();
        Some(Padding { batches: batches.clone(), real_frames, chunks, chunk_frames: architecture.chunk_frames })
    }

    /// Returns the number of chunks of one segment in `architecture`.
    pub fn chunks(&self, architecture: &Architecture) -> usize {
        self.store.frames / architecture.chunk_frames
    }

    /// Returns the number of examples.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Returns whether there is no example.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Returns the examples of a batch as the first layer's input. `positions` says where in the store they are. If the
    /// store is one tensor of f32, the layer reads the examples in place. Otherwise copies are pushed, with one kernel
    /// for each shard.
    ///
    /// # Errors
    /// Errors of making the tensor for the copies.
    pub fn push_input(&self, gpu: &Gpu, recording: &mut Recording, positions: &Tensor<u32>) -> Result<Input> {
        let shards = self.store.stored();
        if let [StoredShard { features: Stored::F32(tensor), .. }] = shards.as_slice() {
            return Ok(Input::Gathered(Gathered { store: tensor.clone(), batches: positions.clone() }));
        }
        let ExampleStore { frames, bands, .. } = self.store;
        let [_, members, batch_size] = positions.dims();
        let input = gpu.tensor("input", &[members, batch_size, frames, bands])?;
        for StoredShard { features, first, count } in shards {
            recording.push(Gather { shard: features, first, count, batches: positions.clone(), input: input.clone() });
        }
        Ok(Input::Dense(input))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_read_where_it_lies_or_copied_from_several_shards() {
        let gpu = Gpu::noop();
        let frames = 100_000;
        let most = (gpu.max_binding_bytes() / (frames * 64 * 4) as u64) as usize;
        for (count, shards) in [(most, 1), (2 * most + 1, 3)] {
            let store = ExampleStore::new(&gpu, count, frames, 64).unwrap();
            let examples = Examples::new(&gpu, store, vec![SegmentLabels::one(0, 1.0); count], 2).unwrap();
            let batches = gpu.tensor("batches", &[7, 2, 1]).unwrap();
            let mut recording = Recording::new("input");
            match examples.push_input(&gpu, &mut recording, &batches).unwrap() {
                Input::Gathered(gathered) => {
                    assert_eq!(shards, 1);
                    gathered.store.expect_shape(&[count, frames, 64]);
                }
                Input::Dense(input) => input.expect_shape(&[2, 1, frames, 64]),
            }
            let copies = if shards == 1 { 0 } else { shards };
            assert_eq!(recording.resolve(&gpu).unwrap().len(), copies);
        }
    }
}
