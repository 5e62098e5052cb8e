//! `confusion_matrix`: counts of examples by their own class and the class predicted for them (SPEC §5).

use crate::Result;
use crate::gpu::{Binding, Constant, Gpu, Kernel, ShaderSource, Tensor, Work, bindings};
use crate::kernels::class_means::NO_CLASS;
use crate::kernels::{Case, CaseRun, Expectation, random_below};

const WORKGROUP: usize = 64;

/// Counts of the pairs of own class and nearest class.
pub struct ConfusionMatrix {
    /// Nearest class of each example, `[member, example]`.
    pub nearest: Tensor<u32>,
    /// Classes of the examples, `[example]`; [`NO_CLASS`] for an example without a class.
    pub labels: Tensor<u32>,
    /// Confusion matrix, `[member, own class, nearest class]`.
    pub matrix: Tensor<u32>,
}

impl Kernel for ConfusionMatrix {
    fn source(&self) -> ShaderSource {
        ShaderSource::file("eval/confusion_matrix.wgsl")
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        let [_, examples] = self.nearest.dims();
        let [_, classes, _] = self.matrix.dims();
        vec![("EXAMPLES", examples.into()), ("CLASSES", classes.into()), ("WORKGROUP", WORKGROUP.into())]
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        bindings![self.nearest, self.labels, self.matrix]
    }

    fn grid(&self) -> [usize; 3] {
        let [members, classes, _] = self.matrix.dims();
        [(classes * classes).div_ceil(WORKGROUP), 1, members]
    }

    fn work(&self) -> Work {
        Work { flops: 0.0, bytes: ((self.nearest.len() + self.labels.len() + self.matrix.len()) * 4) as f64 }
    }
}

/// Computes the matrix of one member, `[own class, nearest class]`.
pub fn oracle(classes: usize, nearest: &[u32], labels: &[u32]) -> Vec<u32> {
    let mut matrix = vec![0; classes * classes];
    for (predicted, own) in nearest.iter().zip(labels).filter(|(_, own)| **own != NO_CLASS) {
        matrix[*own as usize * classes + *predicted as usize] += 1;
    }
    matrix
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, [members, examples, classes]: [usize; 3]| {
        Case::new(name, move |gpu: &Gpu| -> Result<CaseRun> {
            let nearest: Vec<u32> = random_below("nearest", members * examples, classes);
            let mut labels: Vec<u32> = random_below("labels", examples, classes);
            labels.iter_mut().step_by(5).for_each(|label| *label = NO_CLASS);
            let matrix = nearest.chunks(examples).flat_map(|nearest| oracle(classes, nearest, &labels)).collect();
            let kernel = ConfusionMatrix {
                nearest: gpu.tensor_from("nearest", &[members, examples], &nearest)?,
                labels: gpu.tensor_from("labels", &[examples], &labels)?,
                matrix: gpu.tensor("matrix", &[members, classes, classes])?,
            };
            let expected = vec![Expectation::exact(&kernel.matrix, matrix)];
            Ok(CaseRun::new(kernel, expected))
        })
    };
    vec![case("few", [1, 20, 4]), case("more cells than invocations, two members", [2, 150, 11])]
}
