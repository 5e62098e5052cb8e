//! What the two kernels of a fully connected layer share: shape, layout, and the oracle of its forward pass (SPEC §3).

use crate::gpu::{Binding, Constant, Tensor};

/// One fully connected layer, for a population.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinearShape {
    /// Models.
    pub members: usize,
    /// Input vectors of one model.
    pub rows: usize,
    /// Inputs.
    pub inputs: usize,
    /// Outputs.
    pub outputs: usize,
}

impl LinearShape {
    /// Weights and biases of one member.
    pub fn parameters(&self) -> usize {
        (self.inputs + 1) * self.outputs
    }

    /// Inputs and outputs in words.
    pub(super) fn layer(&self) -> String {
        format!("{}→{}", self.inputs, self.outputs)
    }

    /// Element of the layout [in, out] that holds weight (out, in).
    pub fn weight_at(&self, output: usize, input: usize) -> usize {
        input * self.outputs + output
    }

    /// Element of the layout that holds the bias of `output`.
    pub fn bias_at(&self, output: usize) -> usize {
        self.weight_at(output, self.inputs)
    }

    pub(super) fn constants(&self) -> Vec<(&'static str, Constant)> {
        vec![
            ("MEMBERS", self.members.into()),
            ("ROWS", self.rows.into()),
            ("IN", self.inputs.into()),
            ("OUT", self.outputs.into()),
        ]
    }
}

/// One layer's weights `[member, in, out]` and biases `[member, out]`: a range of a larger tensor.
#[derive(Clone)]
pub struct LinearWeights {
    /// The tensor that holds all layers.
    pub tensor: Tensor<f32>,
    /// Elements before this layer, a multiple of 64.
    pub first: usize,
    /// Elements of one member.
    pub stride: usize,
    /// Members.
    pub members: usize,
}

impl LinearWeights {
    pub(super) fn binding(&self) -> Binding {
        self.tensor.range(self.first, self.stride * self.members)
    }
}

/// Outputs before any activation, `[member, row, out]`; `parameters` [member, (out, in) then out].
pub fn oracle(shape: &LinearShape, input: &[f64], parameters: &[f64]) -> Vec<f64> {
    let mut output = Vec::with_capacity(shape.members * shape.rows * shape.outputs);
    for row in 0..shape.members * shape.rows {
        let of_member = &parameters[row / shape.rows * shape.parameters()..][..shape.parameters()];
        let (weights, biases) = of_member.split_at(shape.inputs * shape.outputs);
        let inputs = &input[row * shape.inputs..][..shape.inputs];
        for out in 0..shape.outputs {
            let weights = &weights[out * shape.inputs..][..shape.inputs];
            output.push(biases[out] + inputs.iter().zip(weights).map(|(x, w)| x * w).sum::<f64>());
        }
    }
    output
}

/// Parameters in the layout of the kernels.
pub(super) fn pack(shape: &LinearShape, parameters: &[f64]) -> Vec<f32> {
    let mut packed = vec![0.0; shape.members * shape.parameters()];
    for (member, parameters) in parameters.chunks(shape.parameters()).enumerate() {
        let base = member * shape.parameters();
        for output in 0..shape.outputs {
            packed[base + shape.bias_at(output)] = parameters[shape.inputs * shape.outputs + output] as f32;
            for input in 0..shape.inputs {
                packed[base + shape.weight_at(output, input)] = parameters[output * shape.inputs + input] as f32;
            }
        }
    }
    packed
}
