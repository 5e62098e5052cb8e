//! Tagging of segments of any length: the network E embeds the chunks, and G returns class probabilities from the mean
//! embedding (SPEC §§2, 3).

use super::row_pass::RowPass;
use super::{Embedding, Models, SegmentEmbedder};
use crate::Result;
use crate::gpu::Gpu;

/// Number of batches of segments that are embedded before G tags them.
const BATCHES: usize = 16;

/// A tagger of segments with every model of a population.
pub struct Tagger<'a> {
    gpu: &'a Gpu,
    embedder: SegmentEmbedder<'a>,
    tags: RowPass,
}

impl<'a> Tagger<'a> {
    /// Makes a tagger. `most_chunks` has the same meaning as in [`SegmentEmbedder::new`].
    ///
    /// # Errors
    /// Errors of making tensors and compiling kernels.
    pub fn new(gpu: &'a Gpu, models: &Models, most_chunks: usize) -> Result<Self> {
        let embedder = SegmentEmbedder::new(gpu, models, Embedding::ForTagging, most_chunks)?;
        let tags = RowPass::tags(gpu, &models.population, &embedder.activations)?;
        Ok(Self { gpu, embedder, tags })
    }

    /// Returns the class probabilities of `segments`, given as samples at the rate of the features, as
    /// `[member][segment · class]`. `progress` is called with the number of chunks that were finished since the last
    /// call.
    ///
    /// The probabilities of a segment whose samples are too large for f32 are not finite.
    ///
    /// # Errors
    /// The errors of [`SegmentEmbedder::embed`].
    pub fn probabilities(&mut self, segments: &[&[f32]], progress: &mut dyn FnMut(usize)) -> Result<Vec<Vec<f32>>> {
        let [members, ..] = self.embedder.activations.embedding.dims::<3>();
        let mut probabilities = vec![Vec::new(); members];
        for part in segments.chunks(BATCHES * self.embedder.activations.batch.segments) {
            let embeddings = self.embedder.embed(part, progress)?;
            let outputs = self.tags.run(self.gpu, &embeddings)?;
            probabilities.iter_mut().zip(outputs).for_each(|(all, part)| all.extend(part));
        }
        Ok(probabilities)
    }
}
