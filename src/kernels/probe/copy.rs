//! `copy`: one read and one write of memory, to measure its bandwidth.

use crate::Result;
use crate::gpu::{Binding, Constant, Gpu, Kernel, ShaderSource, Tensor, Work, bindings};
use crate::kernels::{Case, CaseRun, Expectation, random};

/// Number of workgroups along the first axis of the grid.
const ACROSS: usize = 1024;

/// Copy of `input` to `output`.
pub struct Copy {
    /// Source; the number of values is a multiple of four.
    pub input: Tensor<f32>,
    /// Destination, of the same size as `input`.
    pub output: Tensor<f32>,
    /// Threads per workgroup.
    pub workgroup: usize,
}

impl Copy {
    /// Makes both tensors, of `values` zeros each.
    ///
    /// # Errors
    /// Errors of [`Gpu::tensor`].
    pub fn new(gpu: &Gpu, values: usize) -> Result<Self> {
        let [input, output] = [gpu.tensor("source", &[values])?, gpu.tensor("copy", &[values])?];
        Ok(Self { input, output, workgroup: 256 })
    }

    fn quads(&self) -> usize {
        self.input.len() / 4
    }
}

impl Kernel for Copy {
    fn source(&self) -> ShaderSource {
        ShaderSource::file("probe/copy.wgsl")
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        let width = ACROSS * self.workgroup;
        vec![("QUADS", self.quads().into()), ("WIDTH", width.into()), ("WORKGROUP", self.workgroup.into())]
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        bindings![self.input, self.output]
    }

    fn grid(&self) -> [usize; 3] {
        [ACROSS, self.quads().div_ceil(ACROSS * self.workgroup), 1]
    }

    fn work(&self) -> Work {
        Work { flops: 0.0, bytes: (self.input.len() * 8) as f64 }
    }
}

pub(in crate::kernels) fn cases() -> Vec<Case> {
    vec![Case::new("more than a row of workgroups", |gpu: &Gpu| -> Result<CaseRun> {
        let (input, expected) = random(gpu, "input", &[4 * (ACROSS * 64 + 5)])?;
        let output = gpu.tensor("output", input.shape())?;
        let expected = vec![Expectation::within(&output, expected, 0.0)];
        Ok(CaseRun::new(Copy { input, output, workgroup: 64 }, expected))
    })]
}
