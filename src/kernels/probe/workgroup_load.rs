//! `workgroup_load`: loads from workgroup memory, to measure its bandwidth.

use crate::Result;
use crate::gpu::{Binding, Constant, Gpu, Kernel, ShaderSource, Tensor, Work, bindings};
use crate::kernels::{Case, CaseRun, Expectation, random};

/// Number of loads written out in the source, `UNROLLED`.
const UNROLLED: usize = 16;
const WORKGROUP: usize = 256;

/// Sums of values that the threads of a workgroup place in workgroup memory.
pub struct WorkgroupLoad {
    /// Values placed in workgroup memory, one per thread, `[256]`.
    pub input: Tensor<f32>,
    /// Sums, `[thread]`; the number of threads is a multiple of 256.
    pub output: Tensor<f32>,
    /// Number of rounds of 16 loads.
    pub rounds: usize,
}

impl WorkgroupLoad {
    /// Makes both tensors.
    ///
    /// # Errors
    /// Errors of [`Gpu::tensor`].
    pub fn new(gpu: &Gpu, threads: usize, rounds: usize) -> Result<Self> {
        Ok(Self { input: gpu.tensor("values", &[WORKGROUP])?, output: gpu.tensor("sums", &[threads])?, rounds })
    }
}

impl Kernel for WorkgroupLoad {
    fn source(&self) -> ShaderSource {
        ShaderSource::file("probe/workgroup_load.wgsl")
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        vec![("STEPS", self.rounds.into()), ("WORKGROUP", WORKGROUP.into())]
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        bindings![self.input, self.output]
    }

    fn grid(&self) -> [usize; 3] {
        [self.output.len() / WORKGROUP, 1, 1]
    }

    /// Counts the bytes loaded from workgroup memory.
    fn work(&self) -> Work {
        let loads = (self.output.len() * self.rounds * UNROLLED) as f64;
        Work { flops: loads, bytes: 4.0 * loads }
    }
}

pub(in crate::kernels) fn cases() -> Vec<Case> {
    vec![Case::new("two workgroups", |gpu: &Gpu| -> Result<CaseRun> {
        let (rounds, groups) = (3, 2);
        let (input, values) = random(gpu, "input", &[WORKGROUP])?;
        let output = gpu.tensor("output", &[groups * WORKGROUP])?;
        let load = |thread: usize, step: usize, i: usize| values[(thread + step + i) % WORKGROUP];
        let sum = |thread: usize| -> f64 {
            (0..rounds).map(|step| (0..UNROLLED).map(|i| load(thread, step, i)).sum::<f64>()).sum()
        };
        let expected = vec![Expectation::close(&output, (0..groups * WORKGROUP).map(sum).collect())];
        Ok(CaseRun::new(WorkgroupLoad { input, output, rounds }, expected))
    })]
}
