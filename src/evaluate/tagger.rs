//! Segments of any length as probabilities of the classes: E on their chunks, G on the mean (SPEC §§2, 3).

use super::row_pass::RowPass;
use super::{Embedding, Models, SegmentEmbedder};
use crate::Result;
use crate::gpu::Gpu;

/// Batches of embeddings that are kept before they are tagged.
const BATCHES: usize = 16;

/// Tags segments with every model of a training.
pub struct Tagger<'a> {
    gpu: &'a Gpu,
    embedder: SegmentEmbedder<'a>,
    tags: RowPass,
}

impl<'a> Tagger<'a> {
    /// A tagger; `most_chunks` is as [`SegmentEmbedder::new`] takes it.
    ///
    /// # Errors
    /// What making tensors and compiling kernels may report.
    pub fn new(gpu: &'a Gpu, models: &Models, most_chunks: usize) -> Result<Self> {
        let embedder = SegmentEmbedder::new(gpu, models, Embedding::ForTagging, most_chunks)?;
        let tags = RowPass::tags(gpu, &models.population, &embedder.activations)?;
        Ok(Self { gpu, embedder, tags })
    }

    /// The probabilities of `segments`, samples at the rate of the features, as `[member][segment · class]`. `progress` is
    /// called with the chunks done since it was called last.
    ///
    /// A segment whose samples are too large for f32 gets probabilities that are not finite.
    ///
    /// # Errors
    /// As [`SegmentEmbedder::embed`].
    pub fn probabilities(&mut self, segments: &[&[f32]], progress: &mut dyn FnMut(usize)) -> Result<Vec<Vec<f32>>> {
        let members = self.embedder.activations.batch.members;
        let mut probabilities = vec![Vec::new(); members];
        for part in segments.chunks(BATCHES * self.embedder.activations.batch.segments) {
            let embeddings = self.embedder.embed(part, progress)?;
            let outputs = self.tags.run(self.gpu, &embeddings)?;
            probabilities.iter_mut().zip(outputs).for_each(|(all, part)| all.extend(part));
        }
        Ok(probabilities)
    }
}
