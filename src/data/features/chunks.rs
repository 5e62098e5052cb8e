//! Chunks of segments of any length, in batches of one size. The frames of a chunk see the segment's samples beyond the
//! chunk's ends, so the result does not depend on how a segment is spread over batches (SPEC §§1, 2).

use std::ops::Range;

use rayon::prelude::*;

use super::Statistics;
use super::extract::check;
use super::front_end::FrontEnd;
use crate::Result;
use crate::config::FeatureConfig;
use crate::gpu::{Gpu, Recording, Tensor};
use crate::kernels::standardise::Standardise;

/// The division of audio into chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunking {
    /// Number of samples from one frame to the next.
    pub hop: usize,
    /// Number of frames of a chunk.
    pub frames: usize,
}

/// One chunk of a segment.
#[derive(Debug, Clone, Copy)]
pub struct Chunk<'a> {
    /// Samples of the segment: all, or at least those that the chunk's frames depend on.
    pub samples: &'a [f32],
    /// Position of the first of these samples in the segment.
    pub start: usize,
    /// Place of the chunk.
    pub place: Place,
}

/// Place of a chunk among the chunks of one or several segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Number of the series of segments that the chunk belongs to. In a series, one segment follows another; chunks of
    /// several series may be mixed.
    pub series: usize,
    /// Index of the chunk in its segment.
    pub index: usize,
    /// Whether the chunk is the last of its segment.
    pub last: bool,
}

impl Chunking {
    /// Returns the number of samples from one chunk to the next.
    pub fn samples(&self) -> usize {
        self.hop * self.frames
    }

    /// Returns the number of chunks of a segment of `n` samples: n/hop frames, rounded (SPEC §1) and filled up to whole
    /// chunks, at least one.
    pub fn count(&self, n: usize) -> usize {
        self.frames_of(n).div_ceil(self.frames).max(1)
    }

    /// Returns the chunks of `segment`, first to last.
    pub fn chunks<'a>(&self, segment: &'a [f32]) -> impl Iterator<Item = Chunk<'a>> + use<'a> {
        let count = self.count(segment.len());
        let place = move |index| Place { series: 0, index, last: index + 1 == count };
        (0..count).map(move |index| Chunk { samples: segment, start: 0, place: place(index) })
    }

    /// Returns the sample ranges of consecutive windows over a signal of `n` samples, each `chunks` chunks long. The
    /// last window ends with the signal. Samples beyond the signal's rounded number of frames belong to no window.
    pub fn windows(&self, n: usize, chunks: usize) -> Vec<Range<usize>> {
        let (end, step) = (self.end(n), chunks.saturating_mul(self.samples()));
        (0..end.max(1)).step_by(step).map(|start| start..start.saturating_add(step).min(end)).collect()
    }

    /// Returns the end of the last window over a signal of `n` samples.
    pub fn end(&self, n: usize) -> usize {
        n.min(self.frames_of(n).max(1) * self.hop)
    }

    fn frames_of(&self, n: usize) -> usize {
        (n + self.hop / 2) / self.hop
    }
}

/// A batch of chunks: audio on the host, audio and features on the GPU.
pub struct ChunkBatch {
    /// The division of segments into chunks.
    pub chunking: Chunking,
    /// Standardised log-mel of the chunks of the latest upload, `[chunk, frame, band]`.
    pub features: Tensor<f32>,
    front_end: FrontEnd,
    samples: Vec<f32>,
    lengths: Vec<u32>,
    used: usize,
}

impl ChunkBatch {
    /// Makes a batch for `chunks` chunks of `chunk_frames` frames each.
    ///
    /// # Errors
    /// [`crate::Error::Config`] if frames of this geometry cannot be computed; errors of making tensors.
    pub fn new(gpu: &Gpu, config: &FeatureConfig, chunk_frames: usize, chunks: usize) -> Result<Self> {
        check(config)?;
        let chunking = Chunking { hop: config.hop, frames: chunk_frames };
        // The frames of a chunk depend on half an FFT before the centre of the first frame and half an FFT after that
        // of the last.
        let (lead, samples) = (config.fft / 2, (chunk_frames - 1) * config.hop + config.fft);
        let front_end = FrontEnd::new(gpu, config, chunks, samples, chunk_frames, lead)?;
        Ok(Self {
            chunking,
            features: gpu.tensor("features", &[chunks, chunk_frames, config.bands])?,
            samples: vec![0.0; front_end.audio.len()],
            front_end,
            lengths: vec![0; chunks],
            used: 0,
        })
    }

    /// Returns the number of chunks that fit into the batch.
    pub fn len(&self) -> usize {
        self.lengths.len()
    }

    /// Returns whether the batch has no room for a chunk.
    pub fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    /// Pushes the kernels that compute [`ChunkBatch::features`] from the uploaded audio.
    ///
    /// # Errors
    /// Errors of making tensors.
    pub fn push(
        &self,
        gpu: &Gpu,
        recording: &mut Recording,
        config: &FeatureConfig,
        statistics: &Statistics,
    ) -> Result<()> {
        let Statistics { mean, std } = statistics;
        self.front_end.push(gpu, recording, &self.features)?;
        recording.push(Standardise::new(gpu, &self.features, mean, std, config.epsilon)?);
        Ok(())
    }

    /// Returns the number of samples on which the frames of a chunk depend.
    pub fn width(&self) -> usize {
        let [_, width] = self.front_end.audio.dims();
        width
    }

    /// Copies the audio of `chunks`, at most [`ChunkBatch::len`], into the batch on the host.
    pub fn fill(&mut self, chunks: &[Chunk<'_>]) {
        assert!(chunks.len() <= self.len(), "{} chunks where {} have room", chunks.len(), self.len());
        let (step, lead) = (self.chunking.samples(), self.front_end.lead);
        let [_, width] = self.front_end.audio.dims();
        self.used = chunks.len();
        self.lengths.fill(0);
        let rows = self.samples.par_chunks_exact_mut(width).zip(&mut self.lengths);
        rows.zip(chunks).for_each(|((row, length), chunk)| {
            let (centre, end) = (chunk.place.index * step, chunk.start + chunk.samples.len());
            *length = (lead + end).saturating_sub(centre).min(width) as u32;
            // Samples before the segment's start are zero. Samples after its end need no value, because kernels do not
            // read them.
            let (nothing, heard) = row[..*length as usize].split_at_mut(lead.saturating_sub(centre));
            nothing.fill(0.0);
            let from = centre.saturating_sub(lead).min(end) - chunk.start;
            heard.copy_from_slice(&chunk.samples[from..from + heard.len()]);
        });
    }

    /// Uploads the audio of the latest [`ChunkBatch::fill`] to the GPU, after all queued work.
    pub fn upload(&self, gpu: &Gpu) {
        let [_, width] = self.front_end.audio.dims();
        gpu.write(&self.front_end.audio, 0, &self.samples[..self.used * width]);
        gpu.write(&self.front_end.lengths, 0, &self.lengths);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAPER: Chunking = Chunking { hop: 160, frames: 20 };

    #[test]
    fn segments_have_the_chunks_of_their_rounded_frames() {
        let counts = [0, 1, 79, 3200, 3279, 3280, 16_000, 16_001, 16_080, 160_000].map(|n| PAPER.count(n));
        assert_eq!(counts, [1, 1, 1, 1, 1, 2, 5, 5, 6, 50]);
        let last: Vec<bool> = PAPER.chunks(&[0.0; 6500]).map(|chunk| chunk.place.last).collect();
        assert_eq!(last, [false, false, true]);
    }

    #[test]
    fn windows_cover_the_signal_once() {
        let windows = |n, chunks| -> Vec<(usize, usize)> {
            PAPER.windows(n, chunks).into_iter().map(|window| (window.start, window.end)).collect()
        };
        assert_eq!(windows(16_000, 2), [(0, 6400), (6400, 12_800), (12_800, 16_000)]);
        assert_eq!(windows(6400, 2), [(0, 6400)]);
        assert_eq!(windows(6480, 2), [(0, 6400), (6400, 6480)]);
        assert_eq!(windows(6479, 2), [(0, 6400)], "79 samples round to no frame");
        assert_eq!(windows(70, 1), [(0, 70)]);
        assert_eq!(windows(0, 1), [(0, 0)], "what resampling left nothing of is still heard, as silence");
        assert_eq!(windows(7000, usize::MAX), [(0, 7000)]);
    }

    #[test]
    fn a_row_holds_what_its_frames_hear() {
        let gpu = Gpu::noop();
        let config = FeatureConfig { fft: 32, window: 32, hop: 7, bands: 4, ..FeatureConfig::default() };
        let mut batch = ChunkBatch::new(&gpu, &config, 3, 4).unwrap();
        let segment: Vec<f32> = (1..=70).map(|i| i as f32).collect();
        // Samples of an earlier fill must not remain visible.
        batch.samples.fill(-1.0);
        let place = |index| Place { series: 0, index, last: false };
        batch.fill(&[0, 1, 3, 5].map(|index| Chunk { samples: &segment, start: 0, place: place(index) }));
        let width = 2 * 7 + 32;
        let row = |i: usize| &batch.samples[i * width..][..batch.lengths[i] as usize];
        let from = |first: usize, n: usize| (first..first + n).map(|i| i as f32).collect::<Vec<_>>();
        assert_eq!(row(0), [vec![0.0; 16], from(1, 30)].concat());
        assert_eq!(row(1), from(6, 46), "centred at sample 21, 16 samples earlier");
        assert_eq!(row(2), from(48, 23), "to the end");
        assert!(row(3).is_empty(), "behind the end there is nothing");
        // A part of the segment serves as well if it has what the frames hear.
        batch.fill(&[Chunk { samples: &segment[5..55], start: 5, place: place(1) }]);
        assert_eq!(&batch.samples[..batch.lengths[0] as usize], from(6, 46));
    }
}
