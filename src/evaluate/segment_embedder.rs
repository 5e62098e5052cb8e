//! Embeddings of segments of any length (SPEC §2). The chunks of all segments pass through the network E in batches of
//! one size, and the embeddings of a segment's chunks are averaged in f64, in the order of the chunks. So memory on the
//! GPU does not grow with the length of the audio, and the embedding of a segment depends neither on its distribution
//! over batches nor on other segments in them.

use super::row_pass::RowPass;
use super::segment_model::SegmentModel;
use super::{BatchPlan, Embedding, Models};
use crate::config::Normalise;
use crate::data::features::{Chunk, ChunkBatch, Cutter, Place, Series, Statistics};
use crate::gpu::{Download, Gpu, Recording, Resolved};
use crate::kernels::input::{Gathered, Input};
use crate::model::{Activations, Architecture, BatchShape, Mode, Pass};
use crate::{Error, Result};

/// An embedder of segments with every model of a population.
pub struct SegmentEmbedder<'a> {
    gpu: &'a Gpu,
    batch: ChunkBatch,
    /// Activations of a batch, in which every chunk counts as one segment.
    pub(super) activations: Activations,
    recording: Resolved,
    embeddings: Download<f32>,
    unit_length: Option<RowPass>,
    /// Places of the chunks that the GPU computes.
    under_way: Vec<Place>,
    means: Means,
}

impl<'a> SegmentEmbedder<'a> {
    /// Makes an embedder that holds at most `most_chunks` chunks of each model on the GPU at a time, or as many as keep
    /// the GPU busy if that is less.
    ///
    /// # Errors
    /// Errors of making tensors and compiling kernels.
    pub fn new(gpu: &'a Gpu, models: &Models, embedding: Embedding, most_chunks: usize) -> Result<Self> {
        let Models { population, description, .. } = models;
        let (members, architecture) = (population.members, &population.architecture);
        let chunks = most_chunks.min(room(gpu, architecture, description.features.fft, members));
        let batch = ChunkBatch::new(gpu, &description.features, architecture.chunk_frames, chunks)?;
        let size = BatchShape { segments: chunks, chunks: 1 };
        let activations = Activations::new(gpu, population, size, Mode::Evaluate)?;
        let ids: Vec<u32> = (0..members).flat_map(|_| 0..chunks as u32).collect();
        let statistics = Statistics { mean: description.mean.clone(), std: description.std.clone() };
        let mut recording = Recording::new("embed segments");
        batch.push(gpu, &mut recording, &description.features, &statistics)?;
        let batches = gpu.tensor_from("all chunks", &[1, members, chunks], &ids)?;
        let input = Input::Gathered(Gathered { store: batch.features.clone(), batches });
        let pass = Pass { gpu, population, activations: &activations };
        pass.embed_forward(&mut recording, &input, description.normalise);
        let [_, _, dimensions] = activations.embedding.dims::<3>();
        let scaled = description.normalise == Normalise::Segment && embedding == Embedding::ForDistances;
        Ok(Self {
            gpu,
            batch,
            recording: recording.resolve(gpu)?,
            embeddings: gpu.download(&activations.embedding)?,
            unit_length: scaled.then(|| RowPass::unit_length(gpu, &activations)).transpose()?,
            activations,
            under_way: Vec::new(),
            means: Means::new(members, dimensions),
        })
    }

    /// Returns the number of dimensions of an embedding.
    pub fn dimensions(&self) -> usize {
        let [_, _, dimensions] = self.activations.embedding.dims();
        dimensions
    }

    /// Embeds `segments`, given as samples at the rate of the features. Returns `[member][segment · dimension]`.
    /// `progress` is called with the number of chunks that were finished since the last call.
    ///
    /// The embedding of a segment whose spectrum overflows f32 is not finite.
    ///
    /// # Errors
    /// Errors of the device; [`Error::Tolerance`] if the device computes nothing.
    pub fn embed(&mut self, segments: &[&[f32]], progress: &mut dyn FnMut(usize)) -> Result<Vec<Vec<f32>>> {
        self.begin();
        let chunking = self.batch.chunking;
        let chunks: Vec<Chunk<'_>> = segments.iter().flat_map(|segment| chunking.chunks(segment)).collect();
        for next in chunks.chunks(self.batch.len()) {
            self.push(next, progress)?;
        }
        self.finish(progress)
    }
}

impl SegmentModel for SegmentEmbedder<'_> {
    fn room(&self) -> usize {
        self.batch.len()
    }

    fn cutter(&self, series: Series) -> Cutter {
        Cutter::new(self.batch.chunking, self.batch.width(), series)
    }

    fn begin(&mut self) {
        let [members, _, dimensions] = self.activations.embedding.dims();
        self.under_way.clear();
        self.means = Means::new(members, dimensions);
    }

    fn push(&mut self, chunks: &[Chunk<'_>], progress: &mut dyn FnMut(usize)) -> Result<()> {
        // The CPU prepares a batch while the GPU computes the batch before.
        self.batch.fill(chunks);
        self.collect(progress)?;
        self.batch.upload(self.gpu);
        self.gpu.replay(&self.recording, 0..1)?;
        self.embeddings.queue(self.gpu);
        self.under_way.extend(chunks.iter().map(|chunk| chunk.place));
        Ok(())
    }

    fn finish(&mut self, progress: &mut dyn FnMut(usize)) -> Result<Vec<Vec<f32>>> {
        self.collect(progress)?;
        let rows = self.means.take();
        match &mut self.unit_length {
            Some(pass) => pass.run(self.gpu, &rows),
            None => Ok(rows),
        }
    }
}

impl SegmentEmbedder<'_> {
    /// Returns the number of segments that are finished and not yet taken.
    pub(super) fn n_finished(&self) -> usize {
        self.means.n_finished()
    }

    /// Takes the embeddings of the segments that are finished, before they are scaled.
    pub(super) fn take_finished(&mut self) -> Vec<Vec<f32>> {
        self.means.take()
    }

    /// Waits for the embeddings that are under way, if there are any, and adds them to the means.
    fn collect(&mut self, progress: &mut dyn FnMut(usize)) -> Result<()> {
        if self.under_way.is_empty() {
            return Ok(());
        }
        let embeddings = self.embeddings.fetch(self.gpu)?;
        if embeddings.iter().all(|x| *x == 0.0) {
            let reason = "every embedding is exactly zero: the adapter computed nothing, it may be out of memory";
            return Err(Error::Tolerance(reason.into()));
        }
        self.under_way.iter().enumerate().for_each(|(slot, place)| self.means.add(place, slot, &embeddings));
        progress(self.under_way.len());
        self.under_way.clear();
        Ok(())
    }
}

/// Returns the number of chunks per member that keeps the device busy, limited so that all their tensors can be bound.
fn room(gpu: &Gpu, architecture: &Architecture, fft: usize, members: usize) -> usize {
    let outputs = (0..architecture.convs.len()).map(|layer| {
        let [_, _, channels, time, mel] = architecture.conv_shape(layer, members, 1).output_shape();
        members * channels * time * mel
    });
    let input = members * architecture.chunk_frames * architecture.bands;
    let largest = outputs.chain([input, architecture.chunk_frames * fft]).max().unwrap_or(1);
    let bindable = usize::try_from(gpu.max_binding_bytes()).unwrap_or(usize::MAX) / (largest * size_of::<f32>());
    BatchPlan::chunks(gpu.class(), members).min(bindable).max(1)
}

/// Means over the chunks of each segment. The segments of a series follow one another.
struct Means {
    dimensions: usize,
    /// Sums over the chunks of the current segment of each series, `[series][member · dimension]`.
    sums: Vec<Vec<f64>>,
    /// Means of the finished segments, `[member][segment · dimension]`.
    rows: Vec<Vec<f32>>,
}

impl Means {
    fn new(members: usize, dimensions: usize) -> Self {
        Self { dimensions, sums: Vec::new(), rows: vec![Vec::new(); members] }
    }

    fn n_finished(&self) -> usize {
        self.rows[0].len() / self.dimensions
    }

    fn take(&mut self) -> Vec<Vec<f32>> {
        let members = self.rows.len();
        std::mem::replace(&mut self.rows, vec![Vec::new(); members])
    }

    /// Adds the chunk at `place` whose embedding is at `slot` in `embeddings`, `[member · slot · dimension]`.
    fn add(&mut self, place: &Place, slot: usize, embeddings: &[f32]) {
        let of_member = embeddings.len() / self.rows.len();
        if self.sums.len() <= place.series {
            self.sums.resize(place.series + 1, vec![0.0; self.rows.len() * self.dimensions]);
        }
        let members = self.sums[place.series].chunks_exact_mut(self.dimensions);
        for ((sums, embeddings), row) in members.zip(embeddings.chunks_exact(of_member)).zip(&mut self.rows) {
            let values = &embeddings[slot * self.dimensions..][..self.dimensions];
            sums.iter_mut().zip(values).for_each(|(sum, x)| *sum += f64::from(*x));
            if place.last {
                row.extend(sums.iter().map(|sum| (sum / (place.index + 1) as f64) as f32));
                sums.fill(0.0);
            }
        }
    }
}
