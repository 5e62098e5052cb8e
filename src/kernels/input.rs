//! Input of a convolution layer: a dense tensor, or a batch of the example store.

use crate::Result;
use crate::gpu::{Binding, Constant, Gpu, Tensor};
use crate::kernels::conv::ConvShape;
use crate::kernels::gather::NO_EXAMPLE;
use crate::kernels::{random, random_below};

/// Source of a layer's input.
#[derive(Clone)]
pub enum Input {
    /// Dense tensor, `[member, chunk, in, time, mel]`.
    Dense(Tensor<f32>),
    /// Batch of the example store, for the first layer.
    Gathered(Gathered),
}

/// Batches of an example store that all members share (SPEC §4).
#[derive(Clone)]
pub struct Gathered {
    /// Features, `[example, frame, band]`; every example is a whole number of chunks.
    pub store: Tensor<f32>,
    /// Example ids, `[step, member, slot]`; an empty slot reads the first example.
    pub batches: Tensor<u32>,
}

impl Input {
    /// Returns the files for the slots `input_plane` and `input_row`, for tiles `windows` wide.
    pub(super) fn slots(&self, shape: &ConvShape, windows: usize) -> [(&'static str, &'static str); 2] {
        let plane = match self {
            Self::Dense(_) => "conv/input_dense.wgsl",
            Self::Gathered(_) => "conv/input_gathered.wgsl",
        };
        let is_whole_vec4s = shape.mel.is_multiple_of(4) && (windows * shape.pool[1]).is_multiple_of(4);
        let row = match shape.windows()[1] {
            across if across == windows && shape.mel.is_multiple_of(4) => "conv/input_row_full_vec4.wgsl",
            across if across.is_multiple_of(windows) && is_whole_vec4s => "conv/input_row_partial_vec4.wgsl",
            _ => "conv/input_row_scalar.wgsl",
        };
        [("input_plane", plane), ("input_row", row)]
    }

    pub(super) fn constants(&self, shape: &ConvShape) -> Vec<(&'static str, Constant)> {
        let Self::Gathered(Gathered { store, batches }) = self else { return Vec::new() };
        let [_, _, batch_size] = batches.dims();
        assert!(shape.inputs == 1 && shape.chunks.is_multiple_of(batch_size), "{batch_size} examples in {shape:?}");
        let chunks = shape.chunks / batch_size;
        let [_, frames, bands] = store.dims();
        assert_eq!(frames * bands, chunks * shape.time * shape.mel, "examples of {chunks} chunks");
        vec![("EXAMPLE_CHUNKS", chunks.into())]
    }

    pub(super) fn bindings(&self) -> Vec<(&'static str, Binding)> {
        match self {
            Self::Dense(input) => vec![("input", input.binding())],
            Self::Gathered(Gathered { store, batches }) => {
                vec![("input", store.binding()), ("batches", batches.binding())]
            }
        }
    }
}

/// Step at which cases run a kernel: the second one, so that a kernel that ignores the step is found out.
pub(super) const CASE_STEP: usize = 1;

/// Returns a seeded random input of `shape`, and the same values as a dense tensor. With `gathered`, which is
/// `[examples, batch size]`, the input is the batch of step [`CASE_STEP`], drawn from a store of examples.
pub(super) fn random_input(gpu: &Gpu, shape: &ConvShape, gathered: Option<[usize; 2]>) -> Result<(Input, Vec<f64>)> {
    let Some([examples, batch_size]) = gathered else {
        let (input, values) = random(gpu, "input", &shape.input_shape())?;
        return Ok((Input::Dense(input), values));
    };
    let frames = shape.chunks / batch_size * shape.time;
    let (store, values) = random(gpu, "store", &[examples, frames, shape.mel])?;
    let ids_per_step = shape.members * batch_size;
    let mut ids: Vec<u32> = random_below("ids", (CASE_STEP + 1) * ids_per_step, examples);
    let first = CASE_STEP * ids_per_step;
    ids[first + 1] = NO_EXAMPLE;
    let chosen = ids[first..].iter().map(|id| if *id == NO_EXAMPLE { 0 } else { *id as usize });
    let chosen = chosen.flat_map(|id| &values[id * frames * shape.mel..][..frames * shape.mel]);
    let chosen = chosen.copied().collect();
    let batches = gpu.tensor_from("batches", &[CASE_STEP + 1, shape.members, batch_size], &ids)?;
    Ok((Input::Gathered(Gathered { store, batches }), chosen))
}
