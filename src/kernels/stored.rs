//! Features of one shard of an example store, in single or half precision: the input of the kernels that copy a batch.

use half::f16;

use crate::Result;
use crate::gpu::{Binding, Gpu, Tensor};
use crate::kernels::random;

/// Features of the examples of a shard.
#[derive(Clone)]
pub enum Stored {
    /// Single precision, `[example, frame, band]`.
    F32(Tensor<f32>),
    /// Half precision, two in a word.
    F16(HalfFeatures),
}

/// Features in half precision.
#[derive(Clone)]
pub struct HalfFeatures {
    /// Features, two in a word, `[example, frames · bands / 2]`: zeros and normal numbers of f16.
    pub words: Tensor<u32>,
    /// Number of frames of an example.
    pub frames: usize,
    /// Number of bands of a frame.
    pub bands: usize,
}

impl Stored {
    /// Returns the numbers of examples, frames and bands.
    pub fn dims(&self) -> [usize; 3] {
        match self {
            Self::F32(tensor) => tensor.dims(),
            Self::F16(HalfFeatures { words, frames, bands }) => [words.dims::<2>()[0], *frames, *bands],
        }
    }

    pub(super) fn binding(&self) -> Binding {
        match self {
            Self::F32(tensor) => tensor.binding(),
            Self::F16(half) => half.words.binding(),
        }
    }

    /// Returns the file for the slot `stored`: `f32` for single precision, or that for half precision.
    pub(super) fn slot(&self, f32: &'static str) -> &'static str {
        match self {
            Self::F32(_) => f32,
            Self::F16(_) => "data/stored_halves.wgsl",
        }
    }
}

/// Packs values of f16 into words.
pub fn pack(values: &[f16]) -> Vec<u32> {
    let word = |pair: &[f16]| u32::from(pair[0].to_bits()) | u32::from(pair[1].to_bits()) << 16;
    values.chunks_exact(2).map(word).collect()
}

/// Returns a shard of seeded random features for a case, and its values.
pub(super) fn random_stored(gpu: &Gpu, shape: [usize; 3], half: bool) -> Result<(Stored, Vec<f64>)> {
    let (tensor, values) = random(gpu, "shard", &shape)?;
    if !half {
        return Ok((Stored::F32(tensor), values));
    }
    let [examples, frames, bands] = shape;
    let halves: Vec<f16> = values.iter().map(|x| f16::from_f64(*x)).collect();
    assert!(halves.iter().all(|x| *x == f16::ZERO || x.is_normal()), "a subnormal number of f16");
    let words = gpu.tensor_from("halves", &[examples, frames * bands / 2], &pack(&halves))?;
    let values = halves.into_iter().map(f64::from).collect();
    Ok((Stored::F16(HalfFeatures { words, frames, bands }), values))
}
