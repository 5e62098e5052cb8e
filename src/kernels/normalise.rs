//! `normalise`: embeddings scaled to unit length (SPEC §2).

use crate::Result;
use crate::gpu::{Binding, Constant, Gpu, Kernel, ShaderSource, Tensor, Work, bindings};
use crate::kernels::{Case, CaseRun, Expectation, random};

pub(super) const WORKGROUP: usize = 64;

/// Rows scaled to unit length, z / max(‖z‖, 1e-12).
pub struct NormaliseRows {
    /// Embeddings, `[member, row, dimension]`.
    pub embedding: Tensor<f32>,
    /// Normalised embeddings, `[member, row, dimension]`.
    pub normalised: Tensor<f32>,
}

pub(super) fn constants(embedding: &Tensor<f32>) -> Vec<(&'static str, Constant)> {
    let [_, rows, dimensions] = embedding.dims();
    vec![("ROWS", rows.into()), ("DIMENSIONS", dimensions.into()), ("WORKGROUP", WORKGROUP.into())]
}

impl Kernel for NormaliseRows {
    fn source(&self) -> ShaderSource {
        ShaderSource::file("metric/normalise.wgsl")
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        constants(&self.embedding)
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        bindings![self.embedding, self.normalised]
    }

    fn grid(&self) -> [usize; 3] {
        let [members, rows, _] = self.embedding.dims();
        [rows, 1, members]
    }

    fn work(&self) -> Work {
        Work { flops: 3.0 * self.embedding.len() as f64, bytes: (self.embedding.len() * 12) as f64 }
    }
}

/// Scales one row to unit length.
pub fn oracle(row: &[f64]) -> Vec<f64> {
    let length = row.iter().map(|x| x * x).sum::<f64>().sqrt().max(1e-12);
    row.iter().map(|x| x / length).collect()
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, shape: [usize; 3]| {
        Case::new(name, move |gpu: &Gpu| -> Result<CaseRun> {
            let [_, _, dimensions] = shape;
            let (_, mut values) = random(gpu, "embedding", &shape)?;
            // A row of zeros must stay zero.
            values[..dimensions].fill(0.0);
            let as_f32: Vec<f32> = values.iter().map(|x| *x as f32).collect();
            let embedding = gpu.tensor_from("embedding", &shape, &as_f32)?;
            let normalised = gpu.tensor("normalised", &shape)?;
            let expected = values.chunks(dimensions).flat_map(oracle).collect();
            let kernel = NormaliseRows { embedding, normalised: normalised.clone() };
            Ok(CaseRun::new(kernel, vec![Expectation::close(&normalised, expected)]))
        })
    };
    vec![case("shorter than a workgroup", [1, 3, 5]), case("an embedding, two members", [2, 7, 130])]
}
