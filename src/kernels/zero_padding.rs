//! `zero_padding`: chunks behind the end of a clip set to zero, so that a segment longer than its clip is averaged over
//! the clip alone.

use crate::Result;
use crate::gpu::{Binding, Constant, Element, Gpu, Kernel, ShaderSource, Tensor, Work, bindings};
use crate::kernels::gather::NO_EXAMPLE;
use crate::kernels::{Case, CaseRun, Expectation, random};

pub(super) const WORKGROUP: usize = 64;

/// Padding of the segments of a batch.
#[derive(Clone)]
pub struct Padding {
    /// Example ids, `[step, member, slot]`.
    pub batches: Tensor<u32>,
    /// Number of frames of each example before the end of its clip, `[example]`.
    pub real_frames: Tensor<u32>,
    /// Number of chunks of a segment, padding included.
    pub chunks: usize,
    /// Number of frames of a chunk.
    pub chunk_frames: usize,
}

impl Padding {
    /// Returns the number of chunks of a segment that have at least one of its `real_frames`, at least one.
    pub fn real_chunks(&self, real_frames: usize) -> usize {
        real_frames.div_ceil(self.chunk_frames).clamp(1, self.chunks)
    }

    /// Returns the bindings of `shaders/lib/padding.wgsl`.
    pub(super) fn bindings(&self) -> Vec<(&'static str, Binding)> {
        bindings![self.batches, self.real_frames]
    }

    /// Returns the constants of `shaders/lib/padding.wgsl`, and those of a batch.
    pub(super) fn constants(&self) -> [(&'static str, Constant); 5] {
        let [_, members, batch_size] = self.batches.dims();
        [
            ("BATCH", (members * batch_size).into()),
            ("BATCH_SIZE", batch_size.into()),
            ("CHUNKS", self.chunks.into()),
            ("CHUNK_FRAMES", self.chunk_frames.into()),
            ("WORKGROUP", WORKGROUP.into()),
        ]
    }
}

/// Zeros in the padding of a tensor that has the same number of words for every chunk of a batch.
pub struct ZeroPadding {
    /// Padding of the batch.
    pub padding: Padding,
    /// Values of the batch, `[member, slot, chunk, …]`.
    pub words: Binding,
    /// Type of the values.
    word: &'static str,
    /// Number of words of one chunk.
    pub chunk_words: usize,
}

impl ZeroPadding {
    /// Makes the kernel for `values`, `[member, slot, chunk, …]`. Panics for a tensor of structs.
    pub fn new<T: Element>(padding: &Padding, values: &Tensor<T>) -> Self {
        let [_, members, batch_size] = padding.batches.dims();
        let chunk_words = values.len() / (members * batch_size * padding.chunks);
        let word = T::SCALAR.expect("padding of numbers");
        Self { padding: padding.clone(), words: values.binding(), word, chunk_words }
    }
}

impl Kernel for ZeroPadding {
    fn source(&self) -> ShaderSource {
        ShaderSource::file("data/zero_padding.wgsl")
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        let mut constants = self.padding.constants().to_vec();
        constants.extend([("CHUNK_WORDS", self.chunk_words.into()), ("Word", Constant::Type(self.word))]);
        constants
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        let mut bindings = self.padding.bindings();
        bindings.push(("words", self.words.clone()));
        bindings
    }

    fn grid(&self) -> [usize; 3] {
        let [_, members, batch_size] = self.padding.batches.dims();
        [(self.padding.chunks * self.chunk_words).div_ceil(WORKGROUP), batch_size, members]
    }

    fn work(&self) -> Work {
        let [_, members, batch_size] = self.padding.batches.dims();
        Work { flops: 0.0, bytes: (members * batch_size * self.padding.chunks * self.chunk_words * 4) as f64 }
    }
}

/// Makes the padding of a test case: two steps of batches whose examples end inside a chunk, at the end of a chunk,
/// behind the segment, or are missing. Returns the padding, and the number of real chunks of each segment in step 1.
pub(super) fn case_padding(gpu: &Gpu, [members, batch_size, chunks]: [usize; 3]) -> Result<(Padding, Vec<usize>)> {
    let real_frames = [0_u32, 1, 20, 21, 3000];
    let batch = members * batch_size;
    let ids: Vec<u32> = (0..2 * batch).map(|i| if i % 6 == 5 { NO_EXAMPLE } else { (i % 6) as u32 }).collect();
    let padding = Padding {
        batches: gpu.tensor_from("batches", &[2, members, batch_size], &ids)?,
        real_frames: gpu.tensor_from("real frames", &[real_frames.len()], &real_frames)?,
        chunks,
        chunk_frames: 20,
    };
    let real = |id: &u32| real_frames.get(*id as usize).map_or(chunks, |frames| padding.real_chunks(*frames as usize));
    let real = ids[batch..].iter().map(real).collect();
    Ok((padding, real))
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, shape: [usize; 3], chunk: usize| {
        Case::new(name, move |gpu: &Gpu| -> Result<CaseRun> {
            let [members, batch_size, chunks] = shape;
            let (padding, real) = case_padding(gpu, shape)?;
            let (values, mut expected) = random(gpu, "values", &[members, batch_size, chunks, chunk])?;
            for (segment, real) in expected.chunks_mut(chunks * chunk).zip(real) {
                segment[real * chunk..].fill(0.0);
            }
            let kernel = ZeroPadding::new(&padding, &values);
            Ok(CaseRun::new(kernel, vec![Expectation::within(&values, expected, 0.0)]).at_step(1))
        })
    };
    let codes = Case::new("pool argmax", |gpu: &Gpu| -> Result<CaseRun> {
        let (padding, real) = case_padding(gpu, [1, 5, 3])?;
        let values: Vec<u32> = (1..=5 * 3 * 4).collect();
        let mut expected = values.clone();
        for (segment, real) in expected.chunks_mut(3 * 4).zip(real) {
            segment[real * 4..].fill(0);
        }
        let values = gpu.tensor_from("pool argmax", &[1, 5, 3, 4], &values)?;
        let kernel = ZeroPadding::new(&padding, &values);
        Ok(CaseRun::new(kernel, vec![Expectation::exact(&values, expected)]).at_step(1))
    });
    vec![case("one member", [1, 7, 3], 5), case("two members, many words", [2, 5, 4], 130), codes]
}
