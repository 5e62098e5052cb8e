//! `gather_rows`: copy of a batch's rows from every member's own store (SPEC §4.4).

use crate::Result;
use crate::gpu::{Binding, Constant, Gpu, Kernel, ShaderSource, Tensor, Work, bindings};
use crate::kernels::{Case, CaseRun, Expectation, random};

const WORKGROUP: usize = 64;

/// Copy of a batch's rows from every member's own store.
pub struct GatherRows {
    /// Stored rows, `[member, example, dimension]`.
    pub stored: Tensor<f32>,
    /// Example ids, `[step, member, slot]`; every slot must hold an example.
    pub batches: Tensor<u32>,
    /// Rows of the batch, `[member, slot, dimension]`.
    pub input: Tensor<f32>,
}

impl Kernel for GatherRows {
    fn source(&self) -> ShaderSource {
        ShaderSource::file("data/gather_rows.wgsl")
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
        bindings![self.stored, self.batches, self.input]
    }

    fn grid(&self) -> [usize; 3] {
        let [members, batch_size, dimensions] = self.input.dims();
        [(batch_size * dimensions).div_ceil(WORKGROUP), 1, members]
    }

    fn work(&self) -> Work {
        Work { flops: 0.0, bytes: (self.input.len() * 8) as f64 }
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![Case::new("an id twice, two members, a later row", |gpu: &Gpu| -> Result<CaseRun> {
        let (members, examples, batch_size, dimensions) = (2, 9, 5, 130);
        let (stored, values) = random(gpu, "stored", &[members, examples, dimensions])?;
        let ids: Vec<u32> = (0..2 * members * batch_size).map(|i| (i * 5 % examples) as u32).collect();
        let input = gpu.tensor("input", &[members, batch_size, dimensions])?;
        let copied = |slot: usize| {
            let example = slot / batch_size * examples + ids[members * batch_size + slot] as usize;
            values[example * dimensions..][..dimensions].to_vec()
        };
        let expected = (0..members * batch_size).flat_map(copied).collect();
        let batches = gpu.tensor_from("batches", &[2, members, batch_size], &ids)?;
        let kernel = GatherRows { stored, batches, input: input.clone() };
        Ok(CaseRun::new(kernel, vec![Expectation::within(&input, expected, 0.0)]).at_step(1))
    })]
}
