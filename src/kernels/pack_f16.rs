//! `pack_f16`: standardised features packed into half precision, two in a word.

use half::f16;

use super::stored::{HalfFeatures, pack};
use super::{Case, CaseRun, Expectation, random};
use crate::Result;
use crate::gpu::{Binding, Constant, Gpu, Kernel, ShaderSource, Tensor, Work, bindings};

const WORKGROUP: usize = 64;

/// Packing of a block of examples into a shard in half precision. Row r of the schedule writes the examples from r ·
/// (examples of the block) on; what the shard has no room for is left out.
pub struct PackF16 {
    /// Features, `[example of the block, frame, band]`: numbers of f16, an even number for each example.
    pub features: Tensor<f32>,
    /// The shard.
    pub packed: HalfFeatures,
}

impl PackF16 {
    fn words(&self) -> usize {
        self.packed.frames * self.packed.bands / 2
    }
}

impl Kernel for PackF16 {
    fn source(&self) -> ShaderSource {
        ShaderSource::file("features/pack_f16.wgsl")
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        let [block, ..] = self.features.dims::<3>();
        let [examples, _] = self.packed.words.dims();
        vec![
            ("WORDS", self.words().into()),
            ("BLOCK", block.into()),
            ("EXAMPLES", examples.into()),
            ("WORKGROUP", WORKGROUP.into()),
        ]
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        let mut bindings = bindings![self.features];
        bindings.push(("packed", self.packed.words.binding()));
        bindings
    }

    fn grid(&self) -> [usize; 3] {
        let [block, ..] = self.features.dims::<3>();
        [self.words().div_ceil(WORKGROUP), block, 1]
    }

    fn work(&self) -> Work {
        Work { flops: 0.0, bytes: (self.features.len() * 6) as f64 }
    }
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, [examples, block, frames, bands]: [usize; 4], row: usize| {
        Case::new(name, move |gpu: &Gpu| -> Result<CaseRun> {
            let (features, values) = random(gpu, "features", &[block, frames, bands])?;
            // Zeros of both signs, the smallest normal number and the largest ones stand first.
            let edges = [0.0, -0.0, 2f64.powi(-14), 65_504.0, -65_504.0];
            let values = edges.iter().chain(&values[edges.len()..]);
            let halves: Vec<f16> = values.map(|x| f16::from_f64(*x)).collect();
            let exact: Vec<f32> = halves.iter().map(|x| x.to_f32()).collect();
            gpu.write(&features, 0, &exact);
            let each = frames * bands / 2;
            let words = gpu.tensor("packed", &[examples, each])?;
            let mut expected = vec![0; examples * each];
            let used = block.min(examples - row * block) * each;
            expected[row * block * each..][..used].copy_from_slice(&pack(&halves)[..used]);
            let expected = vec![Expectation::exact(&words, expected)];
            let kernel = PackF16 { features, packed: HalfFeatures { words, frames, bands } };
            Ok(CaseRun::new(kernel, expected).at_step(row as u32))
        })
    };
    vec![case("a block in the middle", [7, 2, 20, 6], 1), case("a last block that is not full", [7, 3, 5, 4], 2)]
}
