//! The batches that a recording reads from an example store.

use std::sync::Arc;

use super::store::ExampleStore;
use super::stream::FeatureStream;
use crate::Result;
use crate::gpu::{Gpu, Resolved, Tensor};

/// Ids and positions of the examples of every row of a schedule.
#[derive(Clone)]
pub struct Feed {
    /// Example ids, `[row, member, slot]`, by which labels and lengths are looked up.
    pub ids: Tensor<u32>,
    /// Positions in the tensors of the store, `[row, member, slot]`: the ids, unless the store is streamed.
    pub positions: Tensor<u32>,
    stream: Option<Arc<FeatureStream>>,
}

impl Feed {
    /// Makes a feed of batches that read no store, or one whose examples are all on the GPU.
    pub fn of(ids: &Tensor<u32>) -> Self {
        Self { ids: ids.clone(), positions: ids.clone(), stream: None }
    }

    /// Makes a feed of batches that read `store`.
    ///
    /// # Errors
    /// Errors of making a tensor.
    pub fn new(gpu: &Gpu, store: &ExampleStore, ids: &Tensor<u32>) -> Result<Self> {
        let mut feed = Self::of(ids);
        if let Some(stream) = store.stream() {
            feed.positions = gpu.tensor("positions", ids.shape())?;
            feed.stream = Some(Arc::clone(stream));
        }
        Ok(feed)
    }

    /// Runs `recording` like [`Gpu::replay_while`] from row `first` on, for all rows of `ids`, `[row, member · slot]`,
    /// which are on the GPU already.
    ///
    /// # Errors
    /// The errors of [`Gpu::replay`]; those of reading examples where they are streamed.
    pub fn replay_while(
        &self,
        gpu: &Gpu,
        recording: &Resolved,
        (first, ids): (u32, &[u32]),
        go_on: &mut dyn FnMut(u32) -> bool,
    ) -> Result<bool> {
        if let Some(stream) = &self.stream {
            return stream.replay_while(gpu, recording, (first, ids), &self.positions, go_on);
        }
        let [_, members, slots] = self.ids.dims();
        let rows = ids.len() / (members * slots).max(1);
        gpu.replay_while(recording, first..first + rows as u32, go_on)
    }
}
