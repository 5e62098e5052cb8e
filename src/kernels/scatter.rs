//! `scatter`: separation of the classes, tr(S_w + S_b) / tr(S_w), from the scatter within and between classes (SPEC
//! §5).

use crate::Result;
use crate::gpu::{Binding, Constant, Gpu, Kernel, ShaderSource, Tensor, Work, bindings};
use crate::kernels::class_means::{self, NO_CLASS};
use crate::kernels::{Case, CaseRun, Expectation, random, random_below};

const WORKGROUP: usize = 64;

/// Scatter ratio of every member's embeddings.
pub struct Scatter {
    /// Embeddings, `[member, example, dimension]`.
    pub stored: Tensor<f32>,
    /// Classes of the examples, `[example]`; [`NO_CLASS`] for an example without a class.
    pub labels: Tensor<u32>,
    /// Class means of the embeddings, `[member, class, dimension]`.
    pub means: Tensor<f32>,
    /// Number of examples of each class, `[class]`.
    pub counts: Tensor<u32>,
    /// Scatter ratios, `[member]`.
    pub ratio: Tensor<f32>,
}

impl Kernel for Scatter {
    fn source(&self) -> ShaderSource {
        ShaderSource::file("eval/scatter.wgsl")
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
        bindings![self.stored, self.labels, self.means, self.counts, self.ratio]
    }

    fn grid(&self) -> [usize; 3] {
        let [members, _, _] = self.stored.dims();
        [1, 1, members]
    }

    fn work(&self) -> Work {
        Work { flops: 3.0 * self.stored.len() as f64, bytes: ((self.stored.len() + self.means.len()) * 4) as f64 }
    }
}

/// Computes the scatter ratio of one member.
pub fn oracle(dimensions: usize, classes: usize, stored: &[f64], labels: &[u32]) -> f64 {
    let means = class_means::oracle(dimensions, classes, stored, labels);
    let rows: Vec<(&[f64], usize)> = stored
        .chunks(dimensions)
        .zip(labels)
        .filter(|(_, label)| **label != NO_CLASS)
        .map(|(row, label)| (row, *label as usize))
        .collect();
    let mean = |class: usize| &means[class * dimensions..][..dimensions];
    let squared = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).sum::<f64>();
    let centre: Vec<f64> =
        (0..dimensions).map(|d| rows.iter().map(|(row, _)| row[d]).sum::<f64>() / rows.len() as f64).collect();
    let within: f64 = rows.iter().map(|(row, class)| squared(row, mean(*class))).sum();
    let between: f64 = rows.iter().map(|(_, class)| squared(mean(*class), &centre)).sum();
    (within + between) / within
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, [members, examples, classes, dimensions]: [usize; 4]| {
        Case::new(name, move |gpu: &Gpu| -> Result<CaseRun> {
            let (stored, values) = random(gpu, "stored", &[members, examples, dimensions])?;
            // The last class is empty, and some examples have no class.
            let mut labels: Vec<u32> = random_below("labels", examples, classes - 1);
            labels.iter_mut().step_by(7).for_each(|label| *label = NO_CLASS);
            let of_members = || values.chunks(examples * dimensions);
            let means: Vec<f32> = of_members()
                .flat_map(|stored| class_means::oracle(dimensions, classes, stored, &labels))
                .map(|x| x as f32)
                .collect();
            let counts: Vec<u32> =
                (0..classes).map(|class| labels.iter().filter(|l| **l as usize == class).count() as u32).collect();
            let ratios = of_members().map(|stored| oracle(dimensions, classes, stored, &labels)).collect();
            let kernel = Scatter {
                stored,
                labels: gpu.tensor_from("labels", &[examples], &labels)?,
                means: gpu.tensor_from("means", &[members, classes, dimensions], &means)?,
                counts: gpu.tensor_from("counts", &[classes], &counts)?,
                ratio: gpu.tensor("ratio", &[members])?,
            };
            let expected = vec![Expectation::close(&kernel.ratio, ratios)];
            Ok(CaseRun::new(kernel, expected))
        })
    };
    let collapsed = Case::new("an embedding collapsed to a point", |gpu: &Gpu| -> Result<CaseRun> {
        let kernel = Scatter {
            stored: gpu.tensor_from("stored", &[1, 4, 2], &[0.5; 8])?,
            labels: gpu.tensor_from("labels", &[4], &[0, 0, 1, 1])?,
            means: gpu.tensor_from("means", &[1, 2, 2], &[0.5; 4])?,
            counts: gpu.tensor_from("counts", &[2], &[2, 2])?,
            ratio: gpu.tensor("ratio", &[1])?,
        };
        let expected = vec![Expectation::close(&kernel.ratio, vec![1.0])];
        Ok(CaseRun::new(kernel, expected))
    });
    vec![case("few", [1, 20, 4, 5]), case("hundreds, two members", [2, 700, 11, 130]), collapsed]
}
