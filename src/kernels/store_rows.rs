//! `store_rows`: copy of a batch's rows into every member's own store (SPEC §4.4).

use crate::Result;
use crate::gpu::{Binding, Constant, Gpu, Kernel, ShaderSource, Tensor, Work, bindings};
use crate::kernels::gather::NO_EXAMPLE;
use crate::kernels::{Case, CaseRun, Expectation, random};

const WORKGROUP: usize = 64;

/// Copy of a batch's rows into every member's own store.
pub struct StoreRows {
    /// Rows of the batch, `[member, slot, dimension]`.
    pub rows: Tensor<f32>,
    /// Example ids, `[step, member, slot]`; slots with [`NO_EXAMPLE`] are skipped.
    pub batches: Tensor<u32>,
    /// Stored rows, `[member, example, dimension]`.
    pub stored: Tensor<f32>,
}

impl Kernel for StoreRows {
    fn source(&self) -> ShaderSource {
        ShaderSource::file("data/store_rows.wgsl")
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        let [_, members, batch_size] = self.batches.dims();
        let [_, examples, dimensions] = self.stored.dims();
        vec![
            ("MEMBERS", members.into()),
            ("BATCH_SIZE", batch_size.into()),
            ("EXAMPLES", examples.into()),
            ("DIMENSIONS", dimensions.into()),
            ("WORKGROUP", WORKGROUP.into()),
        ]
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        bindings![self.rows, self.batches, self.stored]
    }

    fn grid(&self) -> [usize; 3] {
        let [members, batch_size, dimensions] = self.rows.dims();
        [(batch_size * dimensions).div_ceil(WORKGROUP), 1, members]
    }

    fn work(&self) -> Work {
        Work { flops: 0.0, bytes: (self.rows.len() * 8) as f64 }
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![Case::new("some slots empty, two members, a later row", |gpu: &Gpu| -> Result<CaseRun> {
        let (members, examples, batch_size, dimensions) = (2, 9, 5, 130);
        let (rows, values) = random(gpu, "rows", &[members, batch_size, dimensions])?;
        let id = |i: usize| if i % batch_size == 3 { NO_EXAMPLE } else { (i * 2 % examples) as u32 };
        let ids: Vec<u32> = (0..2 * members * batch_size).map(id).collect();
        let stored = gpu.tensor("stored", &[members, examples, dimensions])?;
        let mut expected = vec![0.0; stored.len()];
        for slot in (0..members * batch_size).filter(|slot| ids[members * batch_size + slot] != NO_EXAMPLE) {
            let example = slot / batch_size * examples + ids[members * batch_size + slot] as usize;
            expected[example * dimensions..][..dimensions].copy_from_slice(&values[slot * dimensions..][..dimensions]);
        }
        let batches = gpu.tensor_from("batches", &[2, members, batch_size], &ids)?;
        let kernel = StoreRows { rows, batches, stored: stored.clone() };
        Ok(CaseRun::new(kernel, vec![Expectation::within(&stored, expected, 0.0)]).at_step(1))
    })]
}
