//! Fully connected layers: shape, weight layout, and oracles of the forward and backward passes (SPEC §3).

use crate::gpu::{Binding, Constant, Tensor};

/// Sizes of one fully connected layer, for a whole population.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinearShape {
    /// Members of the population.
    pub members: usize,
    /// Input vectors per member.
    pub rows: usize,
    /// Input features.
    pub inputs: usize,
    /// Output features.
    pub outputs: usize,
}

impl LinearShape {
    /// Returns the number of weights and biases of one member.
    pub fn parameters(&self) -> usize {
        (self.inputs + 1) * self.outputs
    }

    /// Describes the layer for reports, as in "64→128".
    pub(super) fn layer(&self) -> String {
        format!("{}→{}", self.inputs, self.outputs)
    }

    /// Returns the element of the layout `[in, out]` that holds weight (out, in).
    pub fn weight_at(&self, output: usize, input: usize) -> usize {
        input * self.outputs + output
    }

    /// Returns the element of the layout that holds the bias of `output`.
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

/// Weights `[in, out]` and biases `[out]` of one layer for all members: a range of a larger tensor.
#[derive(Clone)]
pub struct LinearWeights {
    /// Tensor that holds all layers.
    pub tensor: Tensor<f32>,
    /// Elements before this layer; a multiple of 64.
    pub first: usize,
    /// Elements per member.
    pub stride: usize,
    /// Members of the population.
    pub members: usize,
}

impl LinearWeights {
    pub(super) fn binding(&self) -> Binding {
        self.tensor.range(self.first, self.stride * self.members)
    }
}

/// Computes the outputs before any activation, `[member, row, out]`, from `parameters` `[member, parameter]`, weights
/// `(out, in)` before biases `(out)`.
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

/// Computes the gradients of the input, `[member, row, in]`, and of the parameters, `[member, parameter]`, in the order
/// of [`oracle`]. `factor(member, element)` is the derivative of the activation and dropout that produced the input.
pub fn backward_oracle(
    shape: &LinearShape,
    input: &[f64],
    parameters: &[f64],
    grad_output: &[f64],
    factor: impl Fn(usize, usize) -> f64,
) -> (Vec<f64>, Vec<f64>) {
    let mut grad_input = vec![0.0; input.len()];
    let mut grad_parameters = vec![0.0; parameters.len()];
    for row in 0..shape.members * shape.rows {
        let member = row / shape.rows;
        let first = member * shape.parameters();
        for out in 0..shape.outputs {
            let gradient = grad_output[row * shape.outputs + out];
            grad_parameters[first + shape.inputs * shape.outputs + out] += gradient;
            for i in 0..shape.inputs {
                grad_input[row * shape.inputs + i] += gradient * parameters[first + out * shape.inputs + i];
                grad_parameters[first + out * shape.inputs + i] += gradient * input[row * shape.inputs + i];
            }
        }
        for i in 0..shape.inputs {
            grad_input[row * shape.inputs + i] *= factor(member, row % shape.rows * shape.inputs + i);
        }
    }
    (grad_input, grad_parameters)
}

/// Packs parameters in the layout that the kernels read.
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares the backward oracle with central differences of the forward oracle.
    #[test]
    fn the_backward_oracle_is_the_derivative_of_the_forward_oracle() {
        let shape = LinearShape { members: 1, rows: 3, inputs: 4, outputs: 2 };
        let mut stream = crate::base::counter_rng::Key::new(8).stream();
        let mut draw = |n: usize| (0..n).map(|_| stream.normal()).collect::<Vec<f64>>();
        let (input, parameters, weighting) = (draw(12), draw(10), draw(6));
        let loss = |input: &[f64], parameters: &[f64]| {
            oracle(&shape, input, parameters).iter().zip(&weighting).map(|(a, b)| a * b).sum::<f64>()
        };
        let (grad_input, grad_parameters) = backward_oracle(&shape, &input, &parameters, &weighting, |_, _| 1.0);
        let nudged = |values: &[f64], index: usize, by: f64| {
            let mut values = values.to_vec();
            values[index] += by;
            values
        };
        for (index, gradient) in grad_input.iter().enumerate() {
            let difference = (loss(&nudged(&input, index, 1e-6), &parameters)
                - loss(&nudged(&input, index, -1e-6), &parameters))
                / 2e-6;
            assert!((difference - gradient).abs() < 1e-7);
        }
        for (index, gradient) in grad_parameters.iter().enumerate() {
            let difference = (loss(&input, &nudged(&parameters, index, 1e-6))
                - loss(&input, &nudged(&parameters, index, -1e-6)))
                / 2e-6;
            assert!((difference - gradient).abs() < 1e-7);
        }
    }
}
