//! `nearest`: nearest class mean of every example, and counts of correct and wrong predictions (SPEC §5, the paper's
//! equation 5).

use crate::Result;
use crate::gpu::{Binding, Constant, Gpu, Kernel, ShaderSource, Tensor, Work, bindings};
use crate::kernels::class_means::NO_CLASS;
use crate::kernels::{Case, CaseRun, Expectation, random, random_below};

const WORKGROUP: usize = 64;

/// Search for the nearest class mean of every example, with counts per class.
pub struct Nearest {
    /// Squared distances of every example to every class mean, `[member, example, class]`.
    pub distances: Tensor<f32>,
    /// Classes of the examples, `[example]`; [`NO_CLASS`] for an example without a class.
    pub labels: Tensor<u32>,
    /// Presence of each class, `[class]`; 0 for a class that has no mean.
    pub present: Tensor<u32>,
    /// Nearest class, `[member, example]`; the lowest class in case of a tie.
    pub nearest: Tensor<u32>,
    /// True positives, false positives and false negatives, `[member, class, 3]`; the kernel adds to them.
    pub counts: Tensor<u32>,
}

impl Kernel for Nearest {
    fn source(&self) -> ShaderSource {
        ShaderSource::file("eval/nearest.wgsl")
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        let [_, examples, classes] = self.distances.dims();
        vec![("EXAMPLES", examples.into()), ("CLASSES", classes.into()), ("WORKGROUP", WORKGROUP.into())]
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        bindings![self.distances, self.labels, self.present, self.nearest, self.counts]
    }

    fn grid(&self) -> [usize; 3] {
        let [members, _, _] = self.distances.dims();
        [1, 1, members]
    }

    fn work(&self) -> Work {
        Work { flops: 2.0 * self.distances.len() as f64, bytes: (self.distances.len() * 12) as f64 }
    }
}

/// Computes the nearest class with a mean for every example, and the counts, of one member.
pub fn oracle(distances: &[f64], labels: &[u32], present: &[u32]) -> (Vec<u32>, Vec<u32>) {
    let classes = present.len();
    let nearest = |distances: &[f64]| {
        let found =
            (0..classes).filter(|class| present[*class] > 0).min_by(|a, b| distances[*a].total_cmp(&distances[*b]));
        found.unwrap_or(classes) as u32
    };
    let nearest: Vec<u32> = distances.chunks(classes).map(nearest).collect();
    let mut counts = vec![0; classes * 3];
    for (predicted, own) in nearest.iter().zip(labels).filter(|(_, own)| **own != NO_CLASS) {
        match predicted == own {
            true => counts[*own as usize * 3] += 1,
            false => {
                counts[*predicted as usize * 3 + 1] += 1;
                counts[*own as usize * 3 + 2] += 1;
            }
        }
    }
    (nearest, counts)
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, [members, examples, classes]: [usize; 3]| {
        Case::new(name, move |gpu: &Gpu| -> Result<CaseRun> {
            let (_, values) = random(gpu, "distances", &[members, examples, classes])?;
            // Few distinct values produce ties.
            let as_f32: Vec<f32> = values.iter().map(|d| (d * 2.0).round().abs() as f32).collect();
            let mut labels: Vec<u32> = random_below("labels", examples, classes);
            labels.iter_mut().step_by(7).for_each(|label| *label = NO_CLASS);
            let mut present = vec![3; classes];
            present[1] = 0;
            let (mut nearest, mut counts) = (Vec::new(), Vec::new());
            for distances in as_f32.chunks(examples * classes) {
                let distances: Vec<f64> = distances.iter().map(|d| f64::from(*d)).collect();
                let (found, counted) = oracle(&distances, &labels, &present);
                nearest.extend(found);
                counts.extend(counted.iter().map(|n| n + 5));
            }
            let kernel = Nearest {
                distances: gpu.tensor_from("distances", &[members, examples, classes], &as_f32)?,
                labels: gpu.tensor_from("labels", &[examples], &labels)?,
                present: gpu.tensor_from("present", &[classes], &present)?,
                nearest: gpu.tensor("nearest", &[members, examples])?,
                counts: gpu.tensor_from("counts", &[members, classes, 3], &vec![5; members * classes * 3])?,
            };
            let expected =
                vec![Expectation::exact(&kernel.nearest, nearest), Expectation::exact(&kernel.counts, counts)];
            Ok(CaseRun::new(kernel, expected))
        })
    };
    vec![case("few", [1, 20, 4]), case("more classes than invocations, two members", [2, 300, 70])]
}
