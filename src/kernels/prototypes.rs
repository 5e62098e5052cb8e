//! `prototypes`: class means of the support embeddings (SPEC §4.3, the paper's equation 3).

use crate::Result;
use crate::gpu::{Binding, Constant, Gpu, Kernel, ShaderSource, Tensor, Work, bindings};
use crate::kernels::rows::MemberRows;
use crate::kernels::{Case, CaseRun, Expectation, random};

const WORKGROUP: usize = 64;

/// Class prototypes: the mean of the support embeddings of each class.
pub struct ClassPrototypes {
    /// Support embeddings, ordered by class, with the same number for each class.
    pub support: MemberRows,
    /// Prototypes, `[member, class, dimension]`.
    pub prototypes: Tensor<f32>,
}

impl Kernel for ClassPrototypes {
    fn source(&self) -> ShaderSource {
        ShaderSource::file("metric/prototypes.wgsl")
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        let [_, way, dimensions] = self.prototypes.dims();
        let mut constants =
            vec![("DIMENSIONS", dimensions.into()), ("WAY", way.into()), ("WORKGROUP", WORKGROUP.into())];
        constants.extend(self.support.constants(["SUPPORTS", "FIRST", "STRIDE"]));
        constants
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        bindings![self.support, self.prototypes]
    }

    fn grid(&self) -> [usize; 3] {
        let [members, way, dimensions] = self.prototypes.dims();
        [(way * dimensions).div_ceil(WORKGROUP), 1, members]
    }

    fn work(&self) -> Work {
        let supports = self.support.members() * self.support.count * self.support.dimensions();
        Work { flops: supports as f64, bytes: ((supports + self.prototypes.len()) * 4) as f64 }
    }
}

/// Computes the mean of every `per_class` consecutive rows of `dimensions` values.
pub fn oracle(dimensions: usize, per_class: usize, support: &[f64]) -> Vec<f64> {
    let mean = |rows: &[f64]| -> Vec<f64> {
        (0..dimensions).map(|d| rows.iter().skip(d).step_by(dimensions).sum::<f64>() / per_class as f64).collect()
    };
    support.chunks(per_class * dimensions).flat_map(mean).collect()
}

pub(super) fn cases() -> Vec<Case> {
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
