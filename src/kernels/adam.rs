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
    let (members, parameters, step) = (2, 104, 1);
    // Two layers with 72 and 30 parameters and with three and one partial sums. The first layer also has a transposed
    // layout; the second is padded by two elements to a multiple of four.
    let first = Span {
        first: 0,
        count: 72,
        partials: 0,
        splits: 3,
        forward: 0,
        forward_stride: 72,
        backward: 144,
        backward_stride: 72,
        first_group: 0,
    };
    let second = Span {
        first: 72,
        count: 32,
        partials: 216,
        splits: 1,
        forward: 288,
        forward_stride: 32,
        backward: 0,
        backward_stride: 0,
        first_group: 0,
    };
    let place = |parameter: usize| match parameter {
        0..72 => [Some(71 - parameter), Some(parameter)],
        72..102 => [Some(parameter - 72), None],
        _ => [None; 2],
    };
    let places: Vec<_> = (0..parameters).map(place).collect();
    let (partials_per_member, packed) = (216 + 32, 288 + members * 32);

    let (_, mut state) = random(gpu, "state", &[members, 3, parameters])?;
    for second_moments in state.chunks_mut(parameters).skip(2).step_by(3) {
        second_moments.iter_mut().for_each(|v| *v = f64::from((*v * *v) as f32));
    }
    let (partials, sums) = random(gpu, "partials", &[members, partials_per_member])?;
    let mut expected_state = state.clone();
    let mut expected_packed = vec![0.0; packed];
    for (member, parameter) in (0..members).flat_map(|member| updated.clone().map(move |i| (member, i))) {
        let layer = if parameter < 72 { first } else { second };
        let in_layer = parameter - layer.first as usize;
        let of_layer = &sums[member * partials_per_member + layer.partials as usize..];
        let gradient = of_layer[in_layer..].iter().step_by(layer.count as usize).take(layer.splits as usize).sum();
        let elements = [0, 1, 2].map(|part| (member * 3 + part) * parameters + parameter);
        let after = oracle(&optimiser, t, elements.map(|element| state[element]), gradient);
        elements.into_iter().zip(after).for_each(|(element, value)| expected_state[element] = value);
        let layouts = [(layer.forward, layer.forward_stride), (layer.backward, layer.backward_stride)];
        for ((first, stride), place) in layouts.into_iter().zip(places[parameter]) {
            if let Some(place) = place {
                expected_packed[first as usize + member * stride as usize + place] = after[0];
            }
        }
    }

    let (step_size, decay) = factors(&optimiser, t);
    let scheduled = ScheduleStep { t, step_size: step_size as f32, decay: decay as f32 };
    let state: Vec<f32> = state.iter().map(|x| *x as f32).collect();
    let kernel = Adam {
        state: gpu.tensor_from("state", &[members, 3, parameters], &state)?,
        partials,
        layout: Layout::new(gpu, vec![first, second], &places, packed)?,
        schedule: gpu.tensor_from("schedule", &[step + 1, members], &[scheduled; 4])?,
        members: gpu.tensor_from("members", &[members], &vec![Member::new(1); members])?,
        made: gpu.tensor("made", &[step + 1, members])?,
        optimiser,
        parameters: updated,
    };
    let expected = vec![
        Expectation::close(&kernel.state, expected_state),
        Expectation::close(&kernel.layout.packed, expected_packed),
        Expectation::exact(&kernel.made, vec![0, 0, t, t]),
    ];
    Ok(CaseRun::new(kernel, expected).at_step(step as u32))
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("AdamW, first step", |gpu| prepare(gpu, OptimiserConfig::default(), 1, 0..104)),
        Case::new("AdamW, late step", |gpu| prepare(gpu, OptimiserConfig::default(), 50_000, 0..104)),
        Case::new("Adam", |gpu| prepare(gpu, OptimiserConfig { weight_decay: 0.0, ..Default::default() }, 7, 0..104)),
        Case::new("one layer of two", |gpu| prepare(gpu, OptimiserConfig::default(), 3, 72..104)),
    ]
}
