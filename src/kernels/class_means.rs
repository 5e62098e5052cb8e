//! `class_means`: class centroids, the mean embedding of every class (SPEC §5, the paper's equation 4).

use crate::Result;
use crate::gpu::{Binding, Constant, Gpu, Kernel, ShaderSource, Tensor, Work, bindings};
use crate::kernels::{Case, CaseRun, Expectation, random, random_below};

/// Label of an example that has no class.
pub const NO_CLASS: u32 = u32::MAX;

const WORKGROUP: usize = 64;

/// Mean of the embeddings of every class.
pub struct ClassMeans {
    /// Embeddings, `[member, example, dimension]`.
    pub stored: Tensor<f32>,
    /// Classes of the examples, `[example]`; [`NO_CLASS`] for an example without a class.
    pub labels: Tensor<u32>,
    /// Class means, `[member, class, dimension]`; zeros for a class without examples.
    pub means: Tensor<f32>,
    /// Number of examples of each class, `[class]`.
    pub counts: Tensor<u32>,
}

impl Kernel for ClassMeans {
    fn source(&self) -> ShaderSource {
        ShaderSource::file("eval/class_means.wgsl")
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        let [_, examples, dimensions] = self.stored.dims();
        let [_, classes, _] = self.means.dims();
        vec![
            ("EXAMPLES", examples.into()),
            ("CLASSES", classes.into()),
            ("DIMENSIONS", dimensions.into()),
            ("WORKGROUP", WORKGROUP.into()),
        ]
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        bindings![self.stored, self.labels, self.means, self.counts]
    }

    fn grid(&self) -> [usize; 3] {
        let [members, classes, dimensions] = self.means.dims();
        [(classes * dimensions).div_ceil(WORKGROUP), 1, members]
    }

    fn work(&self) -> Work {
        Work { flops: self.stored.len() as f64, bytes: ((self.stored.len() + self.means.len()) * 4) as f64 }
    }
}

/// Computes the class means of one member, `[class, dimension]`.
pub fn oracle(dimensions: usize, classes: usize, stored: &[f64], labels: &[u32]) -> Vec<f64> {
    let mut means = vec![0.0; classes * dimensions];
    for class in 0..classes {
        let members = || stored.chunks(dimensions).zip(labels).filter(|(_, label)| **label as usize == class);
        let count = members().count().max(1) as f64;
        for (row, _) in members() {
            row.iter().zip(&mut means[class * dimensions..]).for_each(|(x, mean)| *mean += x / count);
        }
    }
    means
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, [members, examples, classes]: [usize; 3]| {
        Case::new(name, move |gpu: &Gpu| -> Result<CaseRun> {
            let dimensions = 33;
            let (stored, values) = random(gpu, "stored", &[members, examples, dimensions])?;
            // The last class is empty, and some examples have no class.
            let mut labels: Vec<u32> = random_below("labels", examples, classes - 1);
            labels.iter_mut().step_by(7).for_each(|label| *label = NO_CLASS);
            let of_member = |stored: &[f64]| oracle(dimensions, classes, stored, &labels);
            let means: Vec<f64> = values.chunks(examples * dimensions).flat_map(of_member).collect();
            let count = |class: usize| labels.iter().filter(|label| **label as usize == class).count() as u32;
            let kernel = ClassMeans {
                stored,
                labels: gpu.tensor_from("labels", &[examples], &labels)?,
                means: gpu.tensor("means", &[members, classes, dimensions])?,
                counts: gpu.tensor("counts", &[classes])?,
            };
            let expected = vec![
                Expectation::within(&kernel.means, means, 1e-6),
                Expectation::exact(&kernel.counts, (0..classes).map(count).collect()),
            ];
            Ok(CaseRun::new(kernel, expected))
        })
    };
    vec![case("few", [2, 20, 5]), case("thousands", [1, 5000, 3])]
}
