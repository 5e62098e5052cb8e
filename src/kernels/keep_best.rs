//! `keep_best`: copy of the parameters of the members whose last epoch was their best (SPEC §5).

use crate::Result;
use crate::gpu::{Binding, Constant, Gpu, Kernel, ShaderSource, Tensor, Work, bindings};
use crate::kernels::population::Member;
use crate::kernels::{Case, CaseRun, Expectation, random};

const WORKGROUP: usize = 64;

/// Copy of the parameters of the members whose last epoch was their best.
pub struct KeepBest {
    /// Parameters, first moments and second moments, `[member, 3, parameter]`.
    pub state: Tensor<f32>,
    /// Best parameters so far, `[member, parameter]`.
    pub best: Tensor<f32>,
    /// Members of the population, `[member]`.
    pub members: Tensor<Member>,
}

impl Kernel for KeepBest {
    fn source(&self) -> ShaderSource {
        ShaderSource::file("eval/keep_best.wgsl")
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        let [_, parameters] = self.best.dims();
        vec![("PARAMETERS", parameters.into()), ("WORKGROUP", WORKGROUP.into())]
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        bindings![self.state, self.best, self.members]
    }

    fn grid(&self) -> [usize; 3] {
        let [members, parameters] = self.best.dims();
        [parameters.div_ceil(WORKGROUP), 1, members]
    }

    fn work(&self) -> Work {
        Work { flops: 0.0, bytes: (self.best.len() * 8) as f64 }
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![Case::new("one member improved, one did not", |gpu: &Gpu| -> Result<CaseRun> {
        let (state, values) = random(gpu, "state", &[2, 3, 77])?;
        let (best, earlier) = random(gpu, "best", &[2, 77])?;
        let expected = [&earlier[..77], &values[3 * 77..][..77]].concat();
        let members = [Member { improved: 0, ..Member::new(1) }, Member { improved: 1, ..Member::new(2) }];
        let members = gpu.tensor_from("members", &[2], &members)?;
        let kernel = KeepBest { state, best: best.clone(), members };
        Ok(CaseRun::new(kernel, vec![Expectation::within(&best, expected, 0.0)]))
    })]
}
