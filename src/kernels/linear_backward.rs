//! `linear_backward`: gradients of a fully connected layer's input, weights and biases (SPEC §3).

use crate::Result;
use crate::gpu::{Binding, Constant, Gpu, Kernel, Tensor, Work};
use crate::kernels::conv_weight_grad::PartialsAt;
use crate::kernels::dropout::{Dropout, keeps};
use crate::kernels::group_uniform::{group_uniform, is_shown};
use crate::kernels::linear::{LinearShape, LinearWeights, pack};
use crate::kernels::population::{Member, Step};
use crate::kernels::{Case, Entry, Expectation, Trial, random};

/// The kernel's line in the registry.
pub const ENTRY: Entry = Entry { name: "linear_backward", cases };

const WORKGROUP: usize = 64;
/// Rows, or outputs, of one thread.
const AT_ONCE: usize = 4;

/// LeakyReLU and dropout that produced a layer's input.
#[derive(Clone)]
pub struct Below {
    /// The number of the layer below.
    pub layer: usize,
    /// Slope of LeakyReLU below zero.
    pub slope: f64,
    /// What was dropped.
    pub dropout: Dropout,
}

/// Gradients of one fully connected layer.
pub struct LinearBackward {
    /// Sizes of the layer.
    pub shape: LinearShape,
    /// `[member, row, in]`.
    pub input: Tensor<f32>,
    /// What the input came through; its gradient is carried on through it.
    pub below: Option<Below>,
    /// Weights and biases.
    pub packed: LinearWeights,
    /// Gradient of the output before its activation, `[member, row, out]`.
    pub d_output: Tensor<f32>,
    /// `[member, row, in]`.
    pub d_input: Tensor<f32>,
    /// Partial sums of all layers.
    pub partials: Tensor<f32>,
    /// Where this layer's are; one slice.
    pub at: PartialsAt,
    /// `[member]`.
    pub members: Tensor<Member>,
    /// Whether indices are shown to be the same for all threads, for llvmpipe.
    pub shown: bool,
}

impl LinearBackward {
    fn dropout(&self) -> &Dropout {
        self.below.as_ref().map_or(&Dropout::Off, |below| &below.dropout)
    }
}

impl Kernel for LinearBackward {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn source(&self) -> Vec<&'static str> {
        let mut source = vec![
            include_str!("../../shaders/linear/linear_backward.wgsl"),
            include_str!("../../shaders/lib/member.wgsl"),
        ];
        source.extend(group_uniform(self.shown, self.dropout().needs_row()));
        source.extend(self.dropout().source());
        source
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        assert_eq!(self.at.slices, 1, "a fully connected layer sums its gradients at once");
        let mut constants = vec![
            ("LOWER_LAYER", self.below.as_ref().map_or(0, |below| below.layer).into()),
            ("PACKED", self.packed.stride.into()),
            ("PARTIALS", self.at.stride.into()),
            ("PARTIALS_AT", self.at.first.into()),
            ("ACTIVATED", self.below.is_some().into()),
            ("SLOPE", self.below.as_ref().map_or(1.0, |below| below.slope).into()),
            ("AT_ONCE", AT_ONCE.into()),
            ("WORKGROUP", WORKGROUP.into()),
        ];
        constants.extend(self.shape.constants());
        constants.extend(self.dropout().constants());
        constants
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        let mut bindings = vec![
            ("input", self.input.binding()),
            ("packed", self.packed.binding()),
            ("d_output", self.d_output.binding()),
            ("d_input", self.d_input.binding()),
            ("partials", self.partials.binding()),
            ("members", self.members.binding()),
        ];
        bindings.extend(self.dropout().binding());
        bindings
    }

    fn grid(&self) -> [usize; 3] {
        let LinearShape { members, rows, inputs, outputs } = self.shape;
        [(inputs + 1).div_ceil(WORKGROUP), rows.div_ceil(AT_ONCE) + outputs.div_ceil(AT_ONCE), members]
    }

    fn layer(&self) -> String {
        self.shape.layer()
    }

    fn work(&self) -> Work {
        let elements = 2 * self.input.len() + self.d_output.len() + 2 * self.shape.parameters() * self.shape.members;
        Work { flops: 4.0 * (self.d_output.len() * self.shape.inputs) as f64, bytes: (elements * 4) as f64 }
    }
}

/// `(d_input, d_parameters)`: `[member, row, in]` and `[member, (out, in) then out]`. `factor(member, element)` is the
/// derivative of what the input came through.
pub fn oracle(
    shape: &LinearShape,
    input: &[f64],
    parameters: &[f64],
    d_output: &[f64],
    factor: impl Fn(usize, usize) -> f64,
) -> (Vec<f64>, Vec<f64>) {
    let mut d_input = vec![0.0; input.len()];
    let mut d_parameters = vec![0.0; parameters.len()];
    for row in 0..shape.members * shape.rows {
        let member = row / shape.rows;
        let first = member * shape.parameters();
        for out in 0..shape.outputs {
            let gradient = d_output[row * shape.outputs + out];
            d_parameters[first + shape.inputs * shape.outputs + out] += gradient;
            for i in 0..shape.inputs {
                d_input[row * shape.inputs + i] += gradient * parameters[first + out * shape.inputs + i];
                d_parameters[first + out * shape.inputs + i] += gradient * input[row * shape.inputs + i];
            }
        }
        for i in 0..shape.inputs {
            d_input[row * shape.inputs + i] *= factor(member, row % shape.rows * shape.inputs + i);
        }
    }
    (d_input, d_parameters)
}

fn trial(gpu: &Gpu, shape: LinearShape, activated: bool) -> Result<Trial> {
    let (layer, slope, p, row) = (4, 0.2, 0.2, 1);
    let LinearShape { members, rows, inputs, outputs } = shape;
    let (input, values) = random(gpu, "input", &[members, rows, inputs])?;
    let (_, parameters) = random(gpu, "parameters", &[members, shape.parameters()])?;
    let (d_output, gradients) = random(gpu, "d_output", &[members, rows, outputs])?;
    let population: Vec<Member> = (0..members).map(|m| Member::new(m as u64)).collect();
    let steps: Vec<Step> = (0..2 * members).map(|i| Step { t: 3 + i as u32, step_size: 0.0, decay: 0.0 }).collect();
    let schedule = gpu.tensor_from("schedule", &[2, members], &steps)?;
    let factor = |member: usize, element: usize| {
        let kept = keeps(
            &population[member],
            steps[row * members + member].t,
            layer as u32,
            element as u32 / 4,
            element % 4,
            p,
        );
        let derivative = if values[member * rows * inputs + element] > 0.0 { 1.0 } else { slope };
        match (activated, kept) {
            (false, _) => 1.0,
            (true, true) => derivative / (1.0 - p),
            (true, false) => 0.0,
        }
    };
    let (d_inputs, d_parameters) = oracle(&shape, &values, &parameters, &gradients, factor);
    let packed = pack(&shape, &parameters);
    let d_input = gpu.tensor("d_input", &[members, rows, inputs])?;
    let partials = gpu.tensor("partials", &[members, shape.parameters()])?;
    let kernel = LinearBackward {
        shape,
        input,
        below: activated.then_some(Below { layer, slope, dropout: Dropout::Random { p, schedule } }),
        packed: LinearWeights {
            tensor: gpu.tensor_from("packed", &[packed.len()], &packed)?,
            first: 0,
            stride: shape.parameters(),
            members,
        },
        d_output,
        d_input: d_input.clone(),
        partials: partials.clone(),
        at: PartialsAt { stride: shape.parameters(), first: 0, slices: 1 },
        members: gpu.tensor_from("members", &[members], &population)?,
        shown: is_shown(gpu),
    };
    let expected = vec![Expectation::close(&d_input, d_inputs), Expectation::close(&partials, d_parameters)];
    Ok(Trial::new(kernel, expected).at_row(row as u32))
}

fn cases() -> Vec<Case> {
    let case =
        |name: &str, shape: LinearShape, activated: bool| Case::new(name, move |gpu| trial(gpu, shape, activated));
    vec![
        case("from the embedding", LinearShape { members: 2, rows: 7, inputs: 130, outputs: 32 }, false),
        case(
            "as many inputs as threads, more outputs than 256",
            LinearShape { members: 1, rows: 18, inputs: 64, outputs: 300 },
            false,
        ),
        case("through LeakyReLU and dropout", LinearShape { members: 2, rows: 9, inputs: 13, outputs: 5 }, true),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::linear;

    /// The oracle against central differences of the forward oracle.
    #[test]
    fn the_oracle_is_the_derivative_of_the_forward_oracle() {
        let shape = LinearShape { members: 1, rows: 3, inputs: 4, outputs: 2 };
        let mut stream = crate::counter_rng::Key::new(8).stream();
        let mut draw = |n: usize| (0..n).map(|_| stream.normal()).collect::<Vec<f64>>();
        let (input, parameters, weighting) = (draw(12), draw(10), draw(6));
        let loss = |input: &[f64], parameters: &[f64]| {
            linear::oracle(&shape, input, parameters).iter().zip(&weighting).map(|(a, b)| a * b).sum::<f64>()
        };
        let (d_input, d_parameters) = oracle(&shape, &input, &parameters, &weighting, |_, _| 1.0);
        let nudged = |values: &[f64], index: usize, by: f64| {
            let mut values = values.to_vec();
            values[index] += by;
            values
        };
        for (index, gradient) in d_input.iter().enumerate() {
            let difference = (loss(&nudged(&input, index, 1e-6), &parameters)
                - loss(&nudged(&input, index, -1e-6), &parameters))
                / 2e-6;
            assert!((difference - gradient).abs() < 1e-7);
        }
        for (index, gradient) in d_parameters.iter().enumerate() {
            let difference = (loss(&input, &nudged(&parameters, index, 1e-6))
                - loss(&input, &nudged(&parameters, index, -1e-6)))
                / 2e-6;
            assert!((difference - gradient).abs() < 1e-7);
        }
    }
}
