//! Tagging of segments of any length: the network E embeds the chunks, and G returns class probabilities from the mean
//! embedding (SPEC §§2, 3).

use super::row_pass::RowPass;
use super::{Embedding, Models, SegmentEmbedder, SegmentModel};
use crate::Result;
use crate::data::features::{Chunk, Cutter, Series};
use crate::gpu::Gpu;

/// Number of batches of segments that are embedded before G tags them.
const BATCHES: usize = 16;

/// A tagger of segments with every model of a population.
pub struct Tagger<'a> {
    gpu: &'a Gpu,
    embedder: SegmentEmbedder<'a>,
    tags: RowPass,
    /// Probabilities of finished segments, `[member][segment · class]`.
    probabilities: Vec<Vec<f32>>,
}

impl<'a> Tagger<'a> {
    /// Makes a tagger. `most_chunks` has the same meaning as in [`SegmentEmbedder::new`].
    ///
    /// # Errors
    /// Errors of making tensors and compiling kernels.
    pub fn new(gpu: &'a Gpu, models: &Models, most_chunks: usize) -> Result<Self> {
        let embedder = SegmentEmbedder::new(gpu, models, Embedding::ForTagging, most_chunks)?;
        let tags = RowPass::tags(gpu, &models.population, &embedder.activations)?;
        Ok(Self { gpu, embedder, tags, probabilities: vec![Vec::new(); models.population.members] })
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
        self.begin();
        for part in segments.chunks(BATCHES * self.room()) {
            let embeddings = self.embedder.embed(part, progress)?;
            self.tag(&embeddings)?;
        }
        Ok(self.take())
    }

    /// Adds the probabilities of segments with `embeddings`.
    fn tag(&mut self, embeddings: &[Vec<f32>]) -> Result<()> {
        let outputs = self.tags.run(self.gpu, embeddings)?;
        self.probabilities.iter_mut().zip(outputs).for_each(|(all, part)| all.extend(part));
        Ok(())
    }

    fn take(&mut self) -> Vec<Vec<f32>> {
        self.probabilities.iter_mut().map(std::mem::take).collect()
    }
}

impl SegmentModel for Tagger<'_> {
    fn room(&self) -> usize {
        self.embedder.room()
    }

    fn cutter(&self, series: Series) -> Cutter {
        self.embedder.cutter(series)
    }

    fn begin(&mut self) {
        self.embedder.begin();
        self.take();
    }

    fn push(&mut self, chunks: &[Chunk<'_>], progress: &mut dyn FnMut(usize)) -> Result<()> {
        self.embedder.push(chunks, progress)?;
        if self.embedder.n_finished() >= BATCHES * self.room() {
            let embeddings = self.embedder.take_finished();
            self.tag(&embeddings)?;
        }
        Ok(())
    }

    fn finish(&mut self, progress: &mut dyn FnMut(usize)) -> Result<Vec<Vec<f32>>> {
        let embeddings = self.embedder.finish(progress)?;
        self.tag(&embeddings)?;
        Ok(self.take())
    }
}
