//! `silhouette`: comparison of an example's distances to its own class and to the nearest other class (SPEC §5).

use crate::Result;
use crate::gpu::{Binding, Constant, Gpu, Kernel, ShaderSource, Tensor, Work, bindings};
use crate::kernels::class_means::NO_CLASS;
use crate::kernels::{Case, CaseRun, Expectation, random, random_below};

const WORKGROUP: usize = 64;

/// Silhouette of every example.
pub struct Silhouette {
    /// Embeddings, `[member, example, dimension]`.
    pub stored: Tensor<f32>,
    /// Classes of the examples, `[example]`; [`NO_CLASS`] for an example without a class.
    pub labels: Tensor<u32>,
    /// Silhouettes, `[member, example]`, from −1 to 1.
    pub samples: Tensor<f32>,
    /// Number of classes.
    pub classes: usize,
}

impl Kernel for Silhouette {
    fn source(&self) -> ShaderSource {
        ShaderSource::file("eval/silhouette.wgsl")
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        let [_, examples, dimensions] = self.stored.dims();
        vec![
            ("EXAMPLES", examples.into()),
            ("CLASSES", self.classes.into()),
            ("DIMENSIONS", dimensions.into()),
            ("WORKGROUP", WORKGROUP.into()),
        ]
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        bindings![self.stored, self.labels, self.samples]
    }

    fn grid(&self) -> [usize; 3] {
        let [members, examples] = self.samples.dims();
        [examples.div_ceil(WORKGROUP), 1, members]
    }

    fn work(&self) -> Work {
        let [_, examples] = self.samples.dims();
        Work {
            flops: 3.0 * (self.stored.len() * examples) as f64,
            bytes: ((self.stored.len() + self.samples.len()) * 4) as f64,
        }
    }
}

/// Computes the silhouettes of one member.
pub fn oracle(dimensions: usize, classes: usize, stored: &[f64], labels: &[u32]) -> Vec<f64> {
    let row = |example: usize| &stored[example * dimensions..][..dimensions];
    let distance = |a: usize, b: usize| row(a).iter().zip(row(b)).map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt();
    let mean_distance = |example: usize, class: usize| {
        let others = (0..labels.len()).filter(|other| *other != example && labels[*other] as usize == class);
        let found: Vec<f64> = others.map(|other| distance(example, other)).collect();
        (!found.is_empty()).then(|| found.iter().sum::<f64>() / found.len() as f64)
    };
    let silhouette = |example: usize| {
        let own = labels[example] as usize;
        let inside = mean_distance(example, own)?;
        let others = (0..classes).filter(|class| *class != own).filter_map(|class| mean_distance(example, class));
        let outside = others.reduce(f64::min)?;
        let larger = inside.max(outside);
        (labels[example] != NO_CLASS && larger > 0.0).then(|| (outside - inside) / larger)
    };
    (0..labels.len()).map(|example| silhouette(example).unwrap_or(0.0)).collect()
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, [members, examples, classes, dimensions]: [usize; 4]| {
        Case::new(name, move |gpu: &Gpu| -> Result<CaseRun> {
            let (stored, values) = random(gpu, "stored", &[members, examples, dimensions])?;
            // The last class has one example, the class before it has none, and some examples have no class.
            let mut labels: Vec<u32> = random_below("labels", examples, classes - 2);
            labels.iter_mut().step_by(7).for_each(|label| *label = NO_CLASS);
            labels[1] = classes as u32 - 1;
            let of_member = |stored: &[f64]| oracle(dimensions, classes, stored, &labels);
            let samples = values.chunks(examples * dimensions).flat_map(of_member).collect();
            let kernel = Silhouette {
                stored,
                labels: gpu.tensor_from("labels", &[examples], &labels)?,
                samples: gpu.tensor("samples", &[members, examples])?,
                classes,
            };
            let expected = vec![Expectation::close(&kernel.samples, samples)];
            Ok(CaseRun::new(kernel, expected))
        })
    };
    let point = Case::new("an embedding collapsed to a point", |gpu: &Gpu| -> Result<CaseRun> {
        let kernel = Silhouette {
            stored: gpu.tensor_from("stored", &[1, 4, 2], &[0.5; 8])?,
            labels: gpu.tensor_from("labels", &[4], &[0, 0, 1, 1])?,
            samples: gpu.tensor("samples", &[1, 4])?,
            classes: 2,
        };
        let expected = vec![Expectation::close(&kernel.samples, vec![0.0; 4])];
        Ok(CaseRun::new(kernel, expected))
    });
    vec![case("few", [1, 20, 5, 3]), case("two members", [2, 130, 12, 17]), point]
}
