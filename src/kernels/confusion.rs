//! `confusion`: true positives, false positives and false negatives of every class (SPEC §5).

use crate::Result;
use crate::base::counter_rng::Key;
use crate::gpu::{Binding, Constant, Gpu, Kernel, ShaderSource, Tensor, Work, bindings};
use crate::kernels::gather::NO_EXAMPLE;
use crate::kernels::{Case, CaseRun, Expectation};

const WORKGROUP: usize = 32;

/// Addition of one batch to the counts of every class.
pub struct Confusion {
    /// Probabilities, `[member, slot, class]`.
    pub outputs: Tensor<f32>,
    /// Targets, `[example, class]`, 0 or 1.
    pub targets: Tensor<f32>,
    /// Example ids, `[step, member, slot]`.
    pub batches: Tensor<u32>,
    /// True positives, false positives and false negatives, `[member, class, 3]`.
    pub counts: Tensor<u32>,
    /// Detection threshold; a class is detected if its probability exceeds the threshold.
    pub threshold: f64,
}

impl Kernel for Confusion {
    fn source(&self) -> ShaderSource {
        ShaderSource::file("eval/confusion.wgsl")
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        let [members, batch_size, classes] = self.outputs.dims();
        vec![
            ("MEMBERS", members.into()),
            ("BATCH_SIZE", batch_size.into()),
            ("CLASSES", classes.into()),
            ("THRESHOLD", self.threshold.into()),
            ("WORKGROUP", WORKGROUP.into()),
        ]
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        bindings![self.outputs, self.targets, self.batches, self.counts]
    }

    fn grid(&self) -> [usize; 3] {
        let [members, _, classes] = self.outputs.dims();
        [classes.div_ceil(WORKGROUP), 1, members]
    }

    fn work(&self) -> Work {
        Work { flops: 0.0, bytes: (self.outputs.len() * 8) as f64 }
    }
}

/// Counts true positives, false positives and false negatives, `[class, 3]`, from `outputs` and `targets` `[example,
/// class]`.
pub fn oracle(classes: usize, threshold: f32, outputs: &[f32], targets: &[f32]) -> Vec<u32> {
    let mut counts = vec![0; classes * 3];
    for (index, (output, target)) in outputs.iter().zip(targets).enumerate() {
        match (*output > threshold, *target > 0.5) {
            (true, true) => counts[index % classes * 3] += 1,
            (true, false) => counts[index % classes * 3 + 1] += 1,
            (false, true) => counts[index % classes * 3 + 2] += 1,
            (false, false) => {}
        }
    }
    counts
}

pub(super) fn cases() -> Vec<Case> {
    vec![Case::new("outputs at the threshold, empty slots, earlier counts", |gpu: &Gpu| -> Result<CaseRun> {
        let (members, batch_size, classes, examples, step) = (2, 13, 35, 9, 1);
        let mut stream = Key::new(11).stream();
        let mut draw = |n: usize, bound: usize| (0..n).map(|_| stream.below(bound)).collect::<Vec<_>>();
        let outputs: Vec<f32> = draw(members * batch_size * classes, 5).into_iter().map(|x| x as f32 * 0.25).collect();
        let targets: Vec<f32> = draw(examples * classes, 2).into_iter().map(|x| x as f32).collect();
        let ids: Vec<u32> = draw(2 * members * batch_size, examples + 1)
            .into_iter()
            .map(|i| if i == examples { NO_EXAMPLE } else { i as u32 })
            .collect();
        let earlier: Vec<u32> = draw(members * classes * 3, 4).into_iter().map(|x| x as u32).collect();
        let mut expected = earlier.clone();
        for member in 0..members {
            for slot in 0..batch_size {
                let id = ids[(step * members + member) * batch_size + slot];
                if id != NO_EXAMPLE {
                    let of_slot = &outputs[(member * batch_size + slot) * classes..][..classes];
                    let counts = oracle(classes, 0.5, of_slot, &targets[id as usize * classes..][..classes]);
                    let sums = &mut expected[member * classes * 3..][..classes * 3];
                    sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
                }
            }
        }
        let kernel = Confusion {
            outputs: gpu.tensor_from("outputs", &[members, batch_size, classes], &outputs)?,
            targets: gpu.tensor_from("targets", &[examples, classes], &targets)?,
            batches: gpu.tensor_from("batches", &[2, members, batch_size], &ids)?,
            counts: gpu.tensor_from("counts", &[members, classes, 3], &earlier)?,
            threshold: 0.5,
        };
        let expected = vec![Expectation::exact(&kernel.counts, expected)];
        Ok(CaseRun::new(kernel, expected).at_step(step as u32))
    })]
}
