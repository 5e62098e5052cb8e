//! `multiply_add`: multiply-adds in registers, to measure the device's peak arithmetic.

use crate::Result;
use crate::gpu::{Binding, Constant, Gpu, Kernel, ShaderSource, Tensor, Work, bindings};
use crate::kernels::{Case, CaseRun, Expectation};

/// Number of steps written out in the source, `UNROLLED`.
const UNROLLED: usize = 16;
/// Modulus of the thread ids that the chains start from.
const STARTS: usize = 16;

/// Chains of x ← x · a + b.
pub struct MultiplyAdd {
    /// Factors a and b, `[2]`.
    pub factors: Tensor<f32>,
    /// Sums of each thread's chains, `[thread]`; the number of threads is a multiple of the workgroup.
    pub output: Tensor<f32>,
    /// True if a chain holds a vec4 instead of a scalar.
    pub vector: bool,
    /// Independent chains per thread.
    pub chains: usize,
    /// Number of rounds of 16 steps.
    pub rounds: usize,
    /// Threads per workgroup.
    pub workgroup: usize,
}

impl MultiplyAdd {
    /// Makes the tensors, with factors that keep chains of any length finite.
    ///
    /// # Errors
    /// Errors of [`Gpu::tensor`].
    pub fn new(gpu: &Gpu, threads: usize, vector: bool, chains: usize, rounds: usize) -> Result<Self> {
        let factors = gpu.tensor_from("factors", &[2], &[0.75, 0.5])?;
        let output = gpu.tensor("sums", &[threads])?;
        Ok(Self { factors, output, vector, chains, rounds, workgroup: 64 })
    }

    fn width(&self) -> usize {
        if self.vector { 4 } else { 1 }
    }

    fn steps(&self) -> usize {
        self.rounds * UNROLLED
    }
}

impl Kernel for MultiplyAdd {
    fn source(&self) -> ShaderSource {
        let number = if self.vector { "probe/number_vector.wgsl" } else { "probe/number_scalar.wgsl" };
        ShaderSource::file("probe/multiply_add.wgsl").fill("number", number)
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        vec![("CHAINS", self.chains.into()), ("STEPS", self.rounds.into()), ("WORKGROUP", self.workgroup.into())]
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        bindings![self.factors, self.output]
    }

    fn grid(&self) -> [usize; 3] {
        [self.output.len() / self.workgroup, 1, 1]
    }

    fn layer(&self) -> String {
        if self.vector { "vec4<f32>" } else { "f32" }.into()
    }

    fn work(&self) -> Work {
        let multiply_adds = self.output.len() * self.chains * self.steps() * self.width();
        Work { flops: 2.0 * multiply_adds as f64, bytes: (self.output.len() * 4) as f64 }
    }
}

pub(in crate::kernels) fn cases() -> Vec<Case> {
    let case = |name: &str, vector: bool, chains: usize| {
        Case::new(name, move |gpu: &Gpu| -> Result<CaseRun> {
            let kernel = MultiplyAdd::new(gpu, 128, vector, chains, 1)?;
            let end = |mut x: f64| {
                (0..kernel.steps()).for_each(|_| x = x * 0.75 + 0.5);
                x
            };
            let of_thread = |thread: usize| -> f64 {
                let starts = (0..chains).flat_map(|chain| (0..kernel.width()).map(move |lane| (chain, lane)));
                starts.map(|(chain, lane)| end((thread % STARTS + chain + lane) as f64)).sum()
            };
            let expected = vec![Expectation::close(&kernel.output, (0..128).map(of_thread).collect())];
            Ok(CaseRun::new(kernel, expected))
        })
    };
    vec![case("single values", false, 5), case("four at once", true, 2)]
}
