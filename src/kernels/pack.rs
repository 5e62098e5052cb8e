//! `pack`: copy of the parameters into the layouts that other kernels read (SPEC §2).

use std::ops::Range;

use crate::Result;
use crate::gpu::{Binding, Constant, Gpu, Kernel, ShaderSource, Tensor, Work, bindings};
use crate::kernels::layout::{Layout, Span};
use crate::kernels::{Case, CaseRun, Expectation, random};

/// Copy of the parameters into the layouts that other kernels read.
pub struct Pack {
    /// Tensor whose region of each member begins with the parameters, `[member, …]`.
    pub parameters: Tensor<f32>,
    /// Layers, and the elements of the packed layouts at which their parameters are stored.
    pub layout: Layout,
}

impl Kernel for Pack {
    fn source(&self) -> ShaderSource {
        ShaderSource::file("optim/pack.wgsl").fill_all(self.layout.slots())
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        let members = self.members();
        let mut constants = vec![("MEMBERS", members.into()), ("STRIDE", (self.parameters.len() / members).into())];
        constants.extend(self.layout.constants(&self.groups()));
        constants
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        let mut bindings = bindings![self.parameters];
        bindings.extend(self.layout.bindings());
        bindings
    }

    fn grid(&self) -> [usize; 3] {
        [self.groups().len(), 1, self.members()]
    }

    fn work(&self) -> Work {
        Work { flops: 0.0, bytes: (self.layout.elements() * self.members() * 20) as f64 }
    }
}

impl Pack {
    fn members(&self) -> usize {
        self.parameters.shape()[0]
    }

    fn groups(&self) -> Range<usize> {
        self.layout.groups(&(0..self.layout.elements()))
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![Case::new("two members, three layers, one transposed", |gpu: &Gpu| -> Result<CaseRun> {
        let (members, count) = (2, 52_usize);
        let (parameters, values) = random(gpu, "parameters", &[members, 3, count])?;
        let spans: Vec<Span> = [(0, 20, 0, 140), (20, 20, 40, 0), (40, 12, 80, 0)]
            .map(|(first, count, forward, backward)| Span {
                first,
                count,
                partials: 0,
                splits: 1,
                forward,
                forward_stride: count,
                backward,
                backward_stride: count,
                first_group: 0,
            })
            .to_vec();
        // The last two elements pad the third layer to a multiple of four.
        let places: Vec<_> = (0..count).map(|i| [(i < 50).then_some(i % 20), (i < 20).then(|| 19 - i)]).collect();
        let mut expected = vec![0.0; 180];
        for member in 0..members {
            for i in 0..50 {
                let value = values[member * 3 * count + i];
                let (forward, stride) = [(0, 20), (40, 20), (80, 12)][i / 20];
                expected[forward + member * stride + i % 20] = value;
                if i < 20 {
                    expected[140 + member * 20 + 19 - i] = value;
                }
            }
        }
        let kernel = Pack { parameters, layout: Layout::new(gpu, spans, &places, 180)? };
        let expected = vec![Expectation::within(&kernel.layout.packed, expected, 0.0)];
        Ok(CaseRun::new(kernel, expected))
    })]
}
