//! `touch`: a dispatch with almost no work, to measure the cost of a dispatch.

use crate::Result;
use crate::gpu::{Binding, Constant, Gpu, Kernel, ShaderSource, Tensor, Work, bindings};
use crate::kernels::{Case, CaseRun, Expectation, random_below};

const WORKGROUP: usize = 64;

/// Increment of every count. Each dispatch depends on the previous one, as in a training step.
pub struct Touch {
    /// Counts, `[thread]`; the number of threads is a multiple of 64.
    pub count: Tensor<u32>,
}

impl Kernel for Touch {
    fn source(&self) -> ShaderSource {
        ShaderSource::file("probe/touch.wgsl")
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        vec![("WORKGROUP", WORKGROUP.into())]
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        bindings![self.count]
    }

    fn grid(&self) -> [usize; 3] {
        [self.count.len() / WORKGROUP, 1, 1]
    }

    fn work(&self) -> Work {
        Work { flops: 0.0, bytes: (self.count.len() * 8) as f64 }
    }
}

pub(in crate::kernels) fn cases() -> Vec<Case> {
    vec![Case::new("two workgroups", |gpu: &Gpu| -> Result<CaseRun> {
        let before: Vec<u32> = random_below("count", 2 * WORKGROUP, 1000);
        let count = gpu.tensor_from("count", &[2 * WORKGROUP], &before)?;
        let expected = vec![Expectation::exact(&count, before.iter().map(|x| x + 1).collect())];
        Ok(CaseRun::new(Touch { count }, expected))
    })]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::Recording;

    #[test]
    fn buffers_count_while_tensors_or_recordings_hold_them() {
        let gpu = Gpu::noop();
        let count = gpu.tensor::<u32>("count", &[64]).unwrap();
        let other = gpu.tensor::<f32>("other", &[1000]).unwrap();
        assert_eq!((gpu.live_bytes(), gpu.peak_bytes()), (4256, 4256));
        drop(other);
        let mut recording = Recording::new("touch");
        recording.push(Touch { count: count.clone() });
        let recording = recording.resolve(&gpu).unwrap();
        drop(count);
        assert_eq!(gpu.live_bytes(), 256);
        drop(recording);
        assert_eq!((gpu.live_bytes(), gpu.peak_bytes()), (0, 4256));
    }
}
