//! `pack`: writes parameters into the layouts the kernels read (SPEC §2).

use crate::Result;
use crate::gpu::{Binding, Constant, Gpu, Kernel, Tensor, Work};
use crate::kernels::population::{NOWHERE, Span};
use crate::kernels::{Case, Entry, Expectation, Trial, random};

/// The kernel's line in the registry.
pub const ENTRY: Entry = Entry { name: "pack", cases };

const WORKGROUP: usize = 64;

/// Writes parameters into the layouts the kernels read.
pub struct Pack {
    /// The first `places.size(0)` elements of each member are its parameters, `[member, …]`.
    pub parameters: Tensor<f32>,
    /// Layers, `[span]`.
    pub spans: Tensor<Span>,
    /// Places of every parameter in its layer's two layouts, `[parameter, 2]`.
    pub places: Tensor<u32>,
    /// All layouts of all members.
    pub packed: Tensor<f32>,
}

impl Kernel for Pack {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn source(&self) -> Vec<&'static str> {
        vec![include_str!("../../shaders/optim/pack.wgsl"), include_str!("../../shaders/lib/span.wgsl")]
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        vec![
            ("PARAMETERS", self.places.size(0).into()),
            ("STRIDE", (self.parameters.len() / self.parameters.size(0)).into()),
            ("SPANS", self.spans.len().into()),
            ("WORKGROUP", WORKGROUP.into()),
        ]
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        vec![
            ("parameters", self.parameters.binding()),
            ("spans", self.spans.binding()),
            ("places", self.places.binding()),
            ("packed", self.packed.binding()),
        ]
    }

    fn grid(&self) -> [usize; 3] {
        [self.places.size(0).div_ceil(WORKGROUP), 1, self.parameters.size(0)]
    }

    fn work(&self) -> Work {
        Work { flops: 0.0, bytes: (self.places.size(0) * self.parameters.size(0) * 20) as f64 }
    }
}

fn cases() -> Vec<Case> {
    vec![Case::new("two members, three layers, one transposed", |gpu: &Gpu| -> Result<Trial> {
        let (members, count) = (2, 50_usize);
        let (parameters, values) = random(gpu, "parameters", &[members, 3, count])?;
        let spans: Vec<Span> = [(0, 20, 0, 140), (20, 20, 40, 0), (40, 10, 80, 0)]
            .map(|(first, count, forward, backward)| Span {
                first,
                count,
                partials: 0,
                slices: 1,
                forward,
                forward_stride: count,
                backward,
                backward_stride: count,
            })
            .to_vec();
        let places: Vec<u32> =
            (0..count as u32).flat_map(|i| [i % 20, if i < 20 { 19 - i } else { NOWHERE }]).collect();
        let mut expected = vec![0.0; 180];
        for member in 0..members {
            for i in 0..count {
                let value = values[member * 3 * count + i];
                let (forward, stride) = [(0, 20), (40, 20), (80, 10)][i / 20];
                expected[forward + member * stride + i % 20] = value;
                if i < 20 {
                    expected[140 + member * 20 + 19 - i] = value;
                }
            }
        }
        let kernel = Pack {
            parameters,
            spans: gpu.tensor_from("spans", &[3], &spans)?,
            places: gpu.tensor_from("places", &[count, 2], &places)?,
            packed: gpu.tensor("packed", &[180])?,
        };
        let expected = vec![Expectation::within(&kernel.packed, expected, 0.0)];
        Ok(Trial::new(kernel, expected))
    })]
}
