//! `adam`: sums the partial gradients, makes one step of Adam or AdamW, and packs the new parameters (SPEC §4). As the
//! last kernel of a training step, `adam` also records the number of the step.

use std::ops::Range;

use crate::Result;
use crate::config::OptimiserConfig;
use crate::gpu::{Binding, Constant, Gpu, Kernel, ShaderSource, Tensor, Work, bindings};
use crate::kernels::layout::{Layout, Span};
use crate::kernels::population::{Member, ScheduleStep};
use crate::kernels::{Case, CaseRun, Expectation, random};

/// One optimiser step for every parameter of every member.
pub struct Adam {
    /// Parameters, first moments and second moments, `[member, 3, parameter]`.
    pub state: Tensor<f32>,
    /// Partial sums of the gradients of all layers, `[member, partial sum]`.
    pub partials: Tensor<f32>,
    /// Locations of the layers in `partials` and in the packed weights.
    pub layout: Layout,
    /// Optimiser schedule, `[step, member]`.
    pub schedule: Tensor<ScheduleStep>,
    /// Members of the population, `[member]`.
    pub members: Tensor<Member>,
    /// Numbers of the steps made, `[step, member]`; also written for members that have stopped.
    pub made: Tensor<u32>,
    /// Settings of the optimiser: β₁, β₂ and ε. Learning rate and weight decay are read from the schedule.
    pub optimiser: OptimiserConfig,
    /// Range of the parameters that are updated, which covers whole layers; the others stay unchanged.
    pub parameters: Range<usize>,
}

impl Kernel for Adam {
    fn source(&self) -> ShaderSource {
        ShaderSource::file("optim/adam.wgsl").fill_all(self.layout.slots())
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        let [members, _, parameters] = self.state.dims();
        let [_, partials] = self.partials.dims();
        let mut constants = vec![
            ("MEMBERS", members.into()),
            ("PARAMETERS", parameters.into()),
            ("PARTIALS", partials.into()),
            ("BETA1", self.optimiser.beta1.into()),
            ("BETA2", self.optimiser.beta2.into()),
            ("ONE_MINUS_BETA1", (1.0 - self.optimiser.beta1).into()),
            ("ONE_MINUS_BETA2", (1.0 - self.optimiser.beta2).into()),
            ("EPSILON", self.optimiser.epsilon.into()),
        ];
        constants.extend(self.layout.constants(&self.layout.groups(&self.parameters)));
        constants
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        let mut bindings = bindings![self.state, self.partials, self.schedule, self.members, self.made];
        bindings.extend(self.layout.bindings());
        bindings
    }

    fn grid(&self) -> [usize; 3] {
        let [members, _, _] = self.state.dims();
        [self.layout.groups(&self.parameters).len(), 1, members]
    }

    fn work(&self) -> Work {
        let [members, _, parameters] = self.state.dims();
        let updated = members * self.parameters.len();
        let partials = self.partials.len() * self.parameters.len() / parameters;
        Work { flops: 14.0 * updated as f64, bytes: (partials * 4 + updated * 32) as f64 }
    }
}

/// Computes the step size `lr·√(1−β₂ᵗ)/(1−β₁ᵗ)` and the decay factor `1 − lr·wd` of step `t`, counted from 1.
pub fn factors(optimiser: &OptimiserConfig, t: u32) -> (f64, f64) {
    let power = |beta: f64| 1.0 - beta.powi(t as i32);
    let step_size = optimiser.lr * power(optimiser.beta2).sqrt() / power(optimiser.beta1);
    (step_size, 1.0 - optimiser.lr * optimiser.weight_decay)
}

/// Makes one step on `[parameter, first moment, second moment]` (SPEC §4).
pub fn oracle(optimiser: &OptimiserConfig, t: u32, [p, m, v]: [f64; 3], gradient: f64) -> [f64; 3] {
    let (step_size, decay) = factors(optimiser, t);
    let m = optimiser.beta1 * m + (1.0 - optimiser.beta1) * gradient;
    let v = optimiser.beta2 * v + (1.0 - optimiser.beta2) * gradient * gradient;
    [p * decay - step_size * m / (v.sqrt() + optimiser.epsilon), m, v]
}

fn prepare(gpu: &Gpu, optimiser: OptimiserConfig, t: u32, updated: Range<usize>) -> Result<CaseRun> {
    // Two layers with 72 and 30 parameters and with three and one partial sums. The first layer also has a transposed
    // layout; the second is padded by two elements to a multiple of four.
    let (members, counts, splits, row) = (2, [72, 32], [3, 1], 1);
    let parameters = 104;
    let stride = counts[0] * splits[0] + counts[1] * splits[1];
    let (_, mut values) = random(gpu, "state", &[members, 3, parameters])?;
    for member in 0..members {
        values[(member * 3 + 2) * parameters..][..parameters].iter_mut().for_each(|v| *v = f64::from((*v * *v) as f32));
    }
    let (partials, sums) = random(gpu, "partials", &[members, stride])?;
    let span = |first, count, partials, splits, forward, backward, backward_stride| Span {
        first,
        count,
        partials,
        splits,
        forward,
        forward_stride: count,
        backward,
        backward_stride,
        first_group: 0,
    };
    let spans = vec![span(0, 72, 0, 3, 0, 144, 72), span(72, 32, 216, 1, 288, 0, 0)];
    let place = |i: usize| match i {
        0..72 => [Some(71 - i), Some(i)],
        72..102 => [Some(i - 72), None],
        _ => [None; 2],
    };
    let places: Vec<_> = (0..parameters).map(place).collect();
    let (step_size, decay) = factors(&optimiser, t);
    let step = ScheduleStep { t, step_size: step_size as f32, decay: decay as f32 };
    let mut expected = values.clone();
    let mut packed = vec![0.0; 352];
    for member in 0..members {
        for i in updated.clone() {
            let (layer, local) = if i < 72 { (0, i) } else { (1, i - 72) };
            let base = member * stride + [0, 216][layer];
            let gradient = (0..splits[layer]).map(|split| sums[base + split * counts[layer] + local]).sum();
            let at = |part: usize| (member * 3 + part) * parameters + i;
            let after = oracle(&optimiser, t, [values[at(0)], values[at(1)], values[at(2)]], gradient);
            (0..3).for_each(|part| expected[at(part)] = after[part]);
            if layer == 0 {
                packed[member * 72 + 71 - local] = after[0];
                packed[144 + member * 72 + local] = after[0];
            } else if local < 30 {
                packed[288 + member * 32 + local] = after[0];
            }
        }
    }
    let kernel = Adam {
        state: gpu.tensor_from(
            "state",
            &[members, 3, parameters],
            &values.iter().map(|x| *x as f32).collect::<Vec<_>>(),
        )?,
        partials,
        layout: Layout::new(gpu, spans, &places, 352)?,
        schedule: gpu.tensor_from("schedule", &[2, members], &[step; 4])?,
        members: gpu.tensor_from("members", &[members], &vec![Member::new(1); members])?,
        made: gpu.tensor("made", &[2, members])?,
        optimiser,
        parameters: updated,
    };
    let expected = vec![
        Expectation::close(&kernel.state, expected),
        Expectation::close(&kernel.layout.packed, packed),
        Expectation::exact(&kernel.made, vec![0, 0, t, t]),
    ];
    Ok(CaseRun::new(kernel, expected).at_step(row))
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("AdamW, first step", |gpu| prepare(gpu, OptimiserConfig::default(), 1, 0..104)),
        Case::new("AdamW, late step", |gpu| prepare(gpu, OptimiserConfig::default(), 50_000, 0..104)),
        Case::new("Adam", |gpu| prepare(gpu, OptimiserConfig { weight_decay: 0.0, ..Default::default() }, 7, 0..104)),
        Case::new("one layer of two", |gpu| prepare(gpu, OptimiserConfig::default(), 3, 72..104)),
    ]
}
