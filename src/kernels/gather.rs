//! `gather`: copy of a batch's examples from one shard of the example store (SPEC §4).

use crate::Result;
use crate::gpu::{Binding, Constant, Gpu, Kernel, ShaderSource, Tensor, Work, bindings};
use crate::kernels::stored::{Stored, random_stored};
use crate::kernels::{Case, CaseRun, Expectation};

/// Id of a slot that holds no example.
pub const NO_EXAMPLE: u32 = u32::MAX;

const WORKGROUP: usize = 64;

/// Copy of a batch's examples from one shard of the store. Slots whose example is in another shard stay unchanged.
pub struct Gather {
    /// Features of the shard's examples, of which each has a multiple of four values.
    pub shard: Stored,
    /// Id of the shard's first example.
    pub first: usize,
    /// Number of examples in the shard.
    pub count: usize,
    /// Positions of the examples in the store, `[step, member, slot]`: their ids, unless the store is streamed.
    pub batches: Tensor<u32>,
    /// Features of the batch, `[member, slot, frame, band]`.
    pub input: Tensor<f32>,
}

impl Gather {
    /// Returns the number of vec4s per example.
    fn quads(&self) -> usize {
        let [_, frames, bands] = self.shard.dims();
        frames * bands / 4
    }
}

impl Kernel for Gather {
    fn source(&self) -> ShaderSource {
        ShaderSource::file("data/gather.wgsl").fill("stored", self.shard.slot("data/stored_quads.wgsl"))
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        let [_, members, batch_size] = self.batches.dims();
        vec![
            ("MEMBERS", members.into()),
            ("BATCH_SIZE", batch_size.into()),
            ("EXAMPLE", self.quads().into()),
            ("FIRST", self.first.into()),
            ("COUNT", self.count.into()),
            ("WORKGROUP", WORKGROUP.into()),
        ]
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        bindings![self.shard, self.batches, self.input]
    }

    fn grid(&self) -> [usize; 3] {
        let [_, members, batch_size] = self.batches.dims();
        [self.quads().div_ceil(WORKGROUP), batch_size, members]
    }

    fn work(&self) -> Work {
        Work { flops: 0.0, bytes: (self.input.len() * 8) as f64 }
    }
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, examples: usize, first: usize, half: bool| {
        Case::new(name, move |gpu: &Gpu| -> Result<CaseRun> {
            let (members, batch_size, step) = (2, 5, 1);
            let (shard, values) = random_stored(gpu, [examples, 20, 8], half)?;
            // The ids include ids inside the shard, outside it on both sides, duplicates, and empty slots.
            let ids: Vec<u32> = (0..2 * members * batch_size)
                .map(|i| if i % 7 == 3 { NO_EXAMPLE } else { (i * 3 % 11) as u32 })
                .collect();
            let input = gpu.tensor("input", &[members, batch_size, 20, 8])?;
            let copied = |slot: usize| {
                let example = (ids[step * members * batch_size + slot] as usize).wrapping_sub(first);
                if example < examples { values[example * 160..][..160].to_vec() } else { vec![0.0; 160] }
            };
            let expected = (0..members * batch_size).flat_map(copied).collect();
            let batches = gpu.tensor_from("batches", &[2, members, batch_size], &ids)?;
            let kernel = Gather { shard, first, count: examples, batches, input: input.clone() };
            Ok(CaseRun::new(kernel, vec![Expectation::within(&input, expected, 0.0)]).at_step(step as u32))
        })
    };
    vec![
        case("a shard in the middle", 4, 3, false),
        case("one shard of all", 11, 0, false),
        case("a shard in half precision", 4, 3, true),
    ]
}
