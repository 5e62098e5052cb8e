//! `prototypes`: class means of the supports (SPEC §4.3, the paper's equation 3).

use crate::Result;
use crate::gpu::{Binding, Constant, Gpu, Kernel, ShaderSource, Tensor, Work};
use crate::kernels::rows::MemberRows;
use crate::kernels::{Case, CaseRun, Expectation, KernelEntry, random};

/// The kernel's line in the registry.
pub const ENTRY: KernelEntry = KernelEntry { name: "prototypes", cases };

const WORKGROUP: usize = 64;

/// The mean of the supports of every class.
pub struct ClassPrototypes {
    /// Support embeddings, grouped by class, equally many per class.
    pub support: MemberRows,
    /// `[member, class, dimension]`.
    pub prototypes: Tensor<f32>,
}

impl Kernel for ClassPrototypes {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn source(&self) -> ShaderSource {
        ShaderSource::file("metric/prototypes.wgsl")
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        let mut constants = vec![
            ("DIMENSIONS", self.support.dimensions().into()),
            ("WAY", self.prototypes.size(1).into()),
            ("WORKGROUP", WORKGROUP.into()),
        ];
        constants.extend(self.support.constants(["SUPPORTS", "FIRST", "STRIDE"]));
        constants
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        vec![("support", self.support.tensor.binding()), ("prototypes", self.prototypes.binding())]
    }

    fn grid(&self) -> [usize; 3] {
        let of_member = self.prototypes.size(1) * self.prototypes.size(2);
        [of_member.div_ceil(WORKGROUP), 1, self.prototypes.size(0)]
    }

    fn work(&self) -> Work {
        let supports = self.support.members() * self.support.count * self.support.dimensions();
        Work { flops: supports as f64, bytes: ((supports + self.prototypes.len()) * 4) as f64 }
    }
}

/// The mean of each `per_class` consecutive rows of `dimensions` values.
pub fn oracle(dimensions: usize, per_class: usize, support: &[f64]) -> Vec<f64> {
    let mean = |rows: &[f64]| -> Vec<f64> {
        (0..dimensions).map(|d| rows.iter().skip(d).step_by(dimensions).sum::<f64>() / per_class as f64).collect()
    };
    support.chunks(per_class * dimensions).flat_map(mean).collect()
}

fn cases() -> Vec<Case> {
    let case = |name: &str, way: usize, per_class: usize, queries: usize| {
        Case::new(name, move |gpu: &Gpu| -> Result<CaseRun> {
            let (members, dimensions) = (2, 33);
            let (rows, values) = random(gpu, "embedding", &[members, way * per_class + queries, dimensions])?;
            let support = MemberRows { tensor: rows, first: 0, count: way * per_class };
            let prototypes = gpu.tensor("prototypes", &[members, way, dimensions])?;
            let expected = oracle(dimensions, per_class, &support.select(&values));
            let kernel = ClassPrototypes { support, prototypes: prototypes.clone() };
            Ok(CaseRun::new(kernel, vec![Expectation::close(&prototypes, expected)]))
        })
    };
    vec![case("one support", 10, 1, 10), case("three supports", 7, 3, 5)]
}
