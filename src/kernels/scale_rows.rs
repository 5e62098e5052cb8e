//! `scale_rows`: means over all chunks of a segment turned into means over its real chunks, those before the end of its
//! clip.

use super::zero_padding::{Padding, WORKGROUP, case_padding};
use crate::Result;
use crate::gpu::{Binding, Constant, Gpu, Kernel, ShaderSource, Tensor, Work};
use crate::kernels::{Case, CaseRun, Expectation, random};

/// Rows of a batch multiplied by (all chunks) / (real chunks) of their segment.
pub struct ScaleRows {
    /// Padding of the batch.
    pub padding: Padding,
    /// Embeddings or their gradients, `[member, slot, dimension]`, which are replaced.
    pub rows: Tensor<f32>,
}

impl Kernel for ScaleRows {
    fn source(&self) -> ShaderSource {
        ShaderSource::file("embed/scale_rows.wgsl")
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        let [.., dimensions] = self.rows.dims::<3>();
        let mut constants = self.padding.constants().to_vec();
        constants.push(("DIMENSIONS", dimensions.into()));
        constants
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        let mut bindings = self.padding.bindings();
        bindings.push(("rows", self.rows.binding()));
        bindings
    }

    fn grid(&self) -> [usize; 3] {
        let [members, batch_size, dimensions] = self.rows.dims();
        [(batch_size * dimensions).div_ceil(WORKGROUP), 1, members]
    }

    fn work(&self) -> Work {
        Work { flops: self.rows.len() as f64, bytes: (self.rows.len() * 8) as f64 }
    }
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, shape: [usize; 3], dimensions: usize| {
        Case::new(name, move |gpu: &Gpu| -> Result<CaseRun> {
            let [members, batch_size, chunks] = shape;
            let (padding, real) = case_padding(gpu, shape)?;
            let (rows, mut expected) = random(gpu, "rows", &[members, batch_size, dimensions])?;
            for (row, real) in expected.chunks_mut(dimensions).zip(real) {
                row.iter_mut().for_each(|value| *value *= chunks as f64 / real as f64);
            }
            let kernel = ScaleRows { padding, rows: rows.clone() };
            Ok(CaseRun::new(kernel, vec![Expectation::close(&rows, expected)]).at_step(1))
        })
    };
    vec![case("one member", [1, 7, 3], 5), case("two members, an embedding", [2, 5, 4], 130)]
}
