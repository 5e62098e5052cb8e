//! All examples of a store as embeddings of every member's own E, computed on the GPU and kept there (SPEC §4.4, 5).

use super::Examples;
use super::scorer::BatchPlan;
use crate::Result;
use crate::config::Normalise;
use crate::gpu::{Gpu, Recording, Resolved, Tensor};
use crate::kernels::normalise;
use crate::kernels::store_rows::StoreRows;
use crate::model::{Activations, Batch, Mode, Population, embed_forward};

/// Which embedding of a segment is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Embedding {
    /// What the method takes distances between.
    ForDistances,
    /// What G reads: the same without the segment's normalisation (SPEC §4.4).
    ForTagging,
}

/// Embeds one store of examples.
pub struct Embedder {
    recording: Resolved,
    rows: u32,
    /// `[member, example, dimension]`.
    pub embeddings: Tensor<f32>,
}

impl Embedder {
    /// An embedder of `examples`, which `normalise` belongs to the method that trains or trained `population`.
    ///
    /// # Errors
    /// What making tensors and compiling kernels may report.
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
        let batches = plan.batches(gpu, members, examples.len())?;
        let batch = Batch { members, segments: plan.segments, chunks };
        let activations = Activations::new(gpu, &population.architecture, batch, false)?;
        let embeddings = gpu.tensor("embeddings", &[members, examples.len(), dimensions])?;
        let mut recording = Recording::new("embed");
        let input = examples.push_input(gpu, &mut recording, &batches)?;
        embed_forward(gpu, &mut recording, population, &input, &activations, &Mode::Evaluate, normalise);
        let mut rows = activations.embedding.clone();
        if normalise == Normalise::Segment && embedding == Embedding::ForDistances {
            rows = gpu.tensor("normalised", activations.embedding.shape())?;
            let embedding = activations.embedding.clone();
            recording.push(normalise::NormaliseRows { embedding, normalised: rows.clone() });
        }
        recording.push(StoreRows { rows, batches, stored: embeddings.clone() });
        Ok(Self { recording: recording.resolve(gpu)?, rows: plan.rows as u32, embeddings })
    }

    /// Queues the embedding of all examples.
    ///
    /// # Errors
    /// What the device reports.
    pub fn queue(&self, gpu: &Gpu) -> Result<()> {
        gpu.replay(&self.recording, 0..self.rows)
    }
}
