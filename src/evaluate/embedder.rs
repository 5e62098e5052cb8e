//! Embedding of all examples of a store with the network E of every member; the embeddings stay on the GPU (SPEC §4.4,
//! 5).

use super::Examples;
use super::scorer::{BatchPlan, OrderedBatches};
use crate::Result;
use crate::config::Normalise;
use crate::gpu::{Gpu, Recording, Resolved, Tensor};
use crate::kernels::normalise;
use crate::kernels::store_rows::StoreRows;
use crate::model::{Activations, BatchShape, Mode, Pass, Population};

/// A kind of embedding of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Embedding {
    /// The embedding that the training method computes distances between.
    ForDistances,
    /// The embedding that G reads, without the segment's normalisation (SPEC §4.4).
    ForTagging,
}

/// An embedder of one store of examples.
pub struct Embedder {
    recording: Resolved,
    batches: OrderedBatches,
    rows: usize,
    /// Embeddings, `[member, example, dimension]`.
    pub embeddings: Tensor<f32>,
}

impl Embedder {
    /// Makes an embedder of `examples`. `normalise` is the normalisation of the method that trains or trained
    /// `population`.
    ///
    /// # Errors
    /// Errors of making tensors and compiling kernels.
    pub fn new(
        gpu: &Gpu,
        population: &Population,
        examples: &Examples,
        normalise: Normalise,
        embedding: Embedding,
    ) -> Result<Self> {
        let (members, dimensions) = (population.members, population.architecture.embedding());
        let chunks = examples.chunks(&population.architecture);
        let plan = BatchPlan::new(gpu.class(), members, examples.len(), chunks);
        let batches = plan.batches(gpu, members, examples)?;
        let batch = BatchShape { segments: plan.segments, chunks };
        let mut activations = Activations::new(gpu, population, batch, Mode::Evaluate)?;
        activations.padding = examples.padding(&population.architecture, &batches.feed.ids, chunks);
        let embeddings = gpu.tensor("embeddings", &[members, examples.len(), dimensions])?;
        let mut recording = Recording::new("embed");
        let input = examples.push_input(gpu, &mut recording, &batches.feed.positions)?;
        let pass = Pass { gpu, population, activations: &activations };
        pass.embed_forward(&mut recording, &input, normalise);
        let mut rows = activations.embedding.clone();
        if normalise == Normalise::Segment && embedding == Embedding::ForDistances {
            rows = gpu.tensor("normalised", activations.embedding.shape())?;
            let embedding = activations.embedding.clone();
            recording.push(normalise::NormaliseRows { embedding, normalised: rows.clone() });
        }
        recording.push(StoreRows { rows, batches: batches.feed.ids.clone(), stored: embeddings.clone() });
        Ok(Self { recording: recording.resolve(gpu)?, batches, rows: plan.rows, embeddings })
    }

    /// Queues the embedding of all examples.
    ///
    /// # Errors
    /// Errors of the device.
    pub fn queue(&self, gpu: &Gpu) -> Result<()> {
        self.batches.replay(gpu, &self.recording, 0..self.rows)
    }
}
