//! Embeddings of segments of any length (SPEC §2). The chunks of all segments pass through the network E in batches of
//! one size, and the embeddings of a segment's chunks are averaged in f64, in the order of the chunks. So memory on the
//! GPU does not grow with the length of the audio, and the embedding of a segment depends neither on its distribution
//! over batches nor on other segments in them.

use super::row_pass::RowPass;
use super::{BatchPlan, Embedding, Models};
use crate::config::Normalise;
use crate::data::features::{Chunk, ChunkBatch, Statistics};
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
        let scaled = description.normalise == Normalise::Segment && embedding == Embedding::ForDistances;
        Ok(Self {
            gpu,
            batch,
            recording: recording.resolve(gpu)?,
            embeddings: gpu.download(&activations.embedding)?,
            unit_length: scaled.then(|| RowPass::unit_length(gpu, &activations)).transpose()?,
            activations,
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
        let chunking = self.batch.chunking;
        let chunks: Vec<Chunk<'_>> = segments.iter().flat_map(|segment| chunking.chunks(segment)).collect();
        let [members, ..] = self.activations.embedding.dims::<3>();
        let mut means = Means::new(members, self.dimensions());
        let mut under_way: &[Chunk<'_>] = &[];
        for next in chunks.chunks(self.batch.len()) {
            // The CPU prepares a batch while the GPU computes the batch before.
            self.batch.fill(next);
            self.collect(under_way, &mut means, progress)?;
            self.batch.upload(self.gpu);
            self.gpu.replay(&self.recording, 0..1)?;
            self.embeddings.queue(self.gpu);
            under_way = next;
        }
        self.collect(under_way, &mut means, progress)?;
        match &mut self.unit_length {
            Some(pass) => pass.run(self.gpu, &means.rows),
            None => Ok(means.rows),
        }
    }

    /// Waits for the embeddings of `chunks`, if there are any, and adds them to `means`.
    fn collect(&mut self, chunks: &[Chunk<'_>], means: &mut Means, progress: &mut dyn FnMut(usize)) -> Result<()> {
        if chunks.is_empty() {
            return Ok(());
        }
        let embeddings = self.embeddings.fetch(self.gpu)?;
        if embeddings.iter().all(|x| *x == 0.0) {
            let reason = "every embedding is exactly zero: the adapter computed nothing, it may be out of memory";
            return Err(Error::Tolerance(reason.into()));
        }
        chunks.iter().enumerate().for_each(|(slot, chunk)| means.add(chunk, slot, &embeddings));
        progress(chunks.len());
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

/// Means over the chunks of each segment, for one segment after another.
struct Means {
    dimensions: usize,
    /// Sums over the chunks of the current segment, `[member · dimension]`.
    sums: Vec<f64>,
    /// Means of the finished segments, `[member][segment · dimension]`.
    rows: Vec<Vec<f32>>,
}

impl Means {
    fn new(members: usize, dimensions: usize) -> Self {
        Self { dimensions, sums: vec![0.0; members * dimensions], rows: vec![Vec::new(); members] }
    }

    /// Adds the chunk whose embedding is at `slot` in `embeddings`, `[member · slot · dimension]`.
    fn add(&mut self, chunk: &Chunk<'_>, slot: usize, embeddings: &[f32]) {
        let of_member = embeddings.len() / self.rows.len();
        let members = self.sums.chunks_exact_mut(self.dimensions).zip(embeddings.chunks_exact(of_member));
        for ((sums, embeddings), row) in members.zip(&mut self.rows) {
            let values = &embeddings[slot * self.dimensions..][..self.dimensions];
            sums.iter_mut().zip(values).for_each(|(sum, x)| *sum += f64::from(*x));
            if chunk.last {
                row.extend(sums.iter().map(|sum| (sum / (chunk.index + 1) as f64) as f32));
                sums.fill(0.0);
            }
        }
    }
}
