//! `conv_input_grad`: gradient of a convolution's input, propagated back through LeakyReLU, dropout and pool of the
//! previous layer (SPEC §2).

use crate::Result;
use crate::gpu::{Binding, Constant, DeviceClass, Gpu, Kernel, ShaderSource, Tensor, Work, bindings};
use crate::kernels::conv::{
    ConvShape, ConvTile, PackedWeights, WeightBinding, for_each_tap, random_window_grads, scatter_to_winners, store,
};
use crate::kernels::grad_output::{GradOutput, mean_cases, random_grad_output};
use crate::kernels::pool_argmax::{PoolArgmax, PooledGrad, WindowGrad};
use crate::kernels::population::Member;
use crate::kernels::{Case, CaseRun, Expectation, random};

/// Gradient of the input of one convolution layer.
pub struct ConvInputGrad {
    /// Sizes of the layer.
    pub shape: ConvShape,
    /// LeakyReLU slope below zero.
    pub slope: f64,
    /// Factor by which dropout multiplies the values that it keeps.
    pub scale: f64,
    /// Gradient of this layer's output, `[member, chunk, out, windows_t, windows_m]`.
    pub grad_output: GradOutput,
    /// Weights in the transposed layout.
    pub packed: PackedWeights,
    /// Pool winners of the previous layer, and the gradient to write, `[member, chunk, in, time, mel]`.
    pub grad_input: PooledGrad,
    /// Members of the population, `[member]`.
    pub members: Tensor<Member>,
    /// Register tile.
    pub tile: ConvTile,
}

impl Kernel for ConvInputGrad {
    fn source(&self) -> ShaderSource {
        let full_row = self.tile.is_full_row(&self.shape);
        ShaderSource::file("conv/conv_input_grad.wgsl")
            .fill("weights", self.packed.file())
            .fill("store", store(self.positions_per_word(), self.shape.mel))
            .fill_all(self.grad_output.slots(&self.shape, full_row, false))
            .fill_all(self.tile.slots())
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        let mut constants = vec![("SLOPE", self.slope.into()), ("DROPOUT_SCALE", self.scale.into())];
        constants.extend(self.grad_output.constants());
        constants.push(self.grad_input.input_constant());
        constants.push(("POSITIONS_PER_WORD", self.positions_per_word().into()));
        constants.push(("TAP_ORDER", (0..self.shape.taps() as u32).rev().collect::<Vec<_>>().into()));
        constants.extend(self.shape.constants());
        constants.extend(self.tile.constants(&self.shape, self.shape.inputs));
        constants.extend(self.packed.constants());
        constants
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        let mut bindings = bindings![self.members];
        bindings.extend(self.grad_output.bindings());
        bindings.extend(self.grad_input.input_bindings());
        bindings.extend(self.packed.bindings());
        bindings
    }

    fn grid(&self) -> [usize; 3] {
        self.tile.grid(&self.shape, self.shape.inputs)
    }

    fn layer(&self) -> String {
        self.shape.layer()
    }

    fn work(&self) -> Work {
        Work {
            flops: 2.0 * self.shape.multiply_adds(),
            bytes: (self.grad_output.bytes() + self.grad_input.bytes()) as f64,
        }
    }
}

impl ConvInputGrad {
    /// Returns the largest number of neighbouring positions whose codes share a word of `input_argmax` in every tile.
    fn positions_per_word(&self) -> usize {
        let (columns, per_word) = (self.tile.windows[1] * self.shape.pool[1], self.grad_input.argmax.per_word);
        [8, 4, 2].into_iter().find(|n| columns.is_multiple_of(*n) && per_word.is_multiple_of(*n)).unwrap_or(1)
    }
}

/// Computes the gradients at the pool winners of the previous layer from `weights` `[member, out, in, tap]`.
pub fn oracle(
    shape: &ConvShape,
    slope: f64,
    scale: f64,
    grad_output: &[WindowGrad],
    weights: &[f64],
    grad_input: &[WindowGrad],
) -> Vec<WindowGrad> {
    let plane = shape.time * shape.mel;
    let dense = scatter_to_winners(shape, grad_output);
    let mut gradients = vec![0.0; grad_input.len()];
    for chunk in 0..shape.members * shape.chunks {
        for out in 0..shape.outputs {
            let grad = &dense[(chunk * shape.outputs + out) * plane..][..plane];
            for channel in 0..shape.inputs {
                let taps =
                    &weights[((chunk / shape.chunks * shape.outputs + out) * shape.inputs + channel) * shape.taps()..];
                let gradients = &mut gradients[(chunk * shape.inputs + channel) * plane..][..plane];
                for_each_tap(shape, |input, output, tap| gradients[input] += taps[tap] * grad[output]);
            }
        }
    }
    let carried = |(window, gradient): (&WindowGrad, f64)| WindowGrad {
        gradient: (gradient * window.factor(slope, scale)) as f32,
        ..*window
    };
    grad_input.iter().zip(gradients).map(carried).collect()
}

/// Creates a case that compares `tile` with the oracle. `per_word` holds the codes per word of this layer and of the
/// previous one. With `mean`, the gradient arrives from the embedding, which is the mean of the outputs over a chunk.
pub fn check(shape: ConvShape, tile: ConvTile, per_word: [usize; 2], mean: bool) -> Case {
    let name = format!("{} {tile:?}", shape.layer());
    Case::new(name, move |gpu| prepare(gpu, shape, tile, true, per_word, mean.then_some(1)))
}

/// Prepares a case with the largest number of codes per word for this layer and four codes per word for the previous
/// layer.
fn prepare_default(gpu: &Gpu, shape: ConvShape, tile: ConvTile, uniform: bool) -> Result<CaseRun> {
    prepare(gpu, shape, tile, uniform, [PoolArgmax::most_per_word(shape.pool[0] * shape.pool[1]), 4], None)
}

fn prepare_mean(gpu: &Gpu, shape: ConvShape, tile: ConvTile, chunks: usize) -> Result<CaseRun> {
    prepare(gpu, shape, tile, true, [PoolArgmax::most_per_word(shape.pool[0] * shape.pool[1]), 4], Some(chunks))
}

fn prepare(
    gpu: &Gpu,
    shape: ConvShape,
    tile: ConvTile,
    uniform: bool,
    per_word: [usize; 2],
    mean: Option<usize>,
) -> Result<CaseRun> {
    let (slope, scale) = (0.2, 1.25);
    let (grad_output, window_grads) = random_grad_output(gpu, &shape, per_word[0], mean)?;
    let grad_input = random_window_grads("grad_input", &shape.input_shape(), 4);
    let (_, weights) = random(gpu, "weights", &[shape.members, shape.outputs, shape.inputs, shape.taps()])?;
    let mut packed = vec![0.0; shape.members * shape.backward_quads() * 4];
    for member in 0..shape.members {
        for (index, weight) in weights[member * shape.outputs * shape.inputs * shape.taps()..]
            [..shape.outputs * shape.inputs * shape.taps()]
            .iter()
            .enumerate()
        {
            let (output, input, tap) =
                (index / shape.taps() / shape.inputs, index / shape.taps() % shape.inputs, index % shape.taps());
            packed[member * shape.backward_quads() * 4 + shape.backward_at(output, input, tap)] = *weight as f32;
        }
    }
    let expected = oracle(&shape, slope, scale, &window_grads, &weights, &grad_input);
    let out = PooledGrad::from(gpu, "grad_input", &shape.input_shape(), &grad_input, per_word[1])?;
    let tensor = gpu.tensor_from("packed", &[packed.len()], &packed)?;
    let packed = PackedWeights::new(gpu, &tensor, 0, shape.backward_sizes(), shape.members);
    let binding = match uniform {
        true => WeightBinding::of(gpu, shape.backward_sizes(), shape.members, true),
        false => WeightBinding::Storage,
    };
    let kernel = ConvInputGrad {
        shape,
        slope,
        scale,
        grad_output,
        packed: PackedWeights { binding, ..packed },
        grad_input: out.clone(),
        members: gpu.tensor_from("members", &[shape.members], &vec![Member::new(1); shape.members])?,
        tile,
    };
    let expected = expected.iter().map(|r| f64::from(r.gradient)).collect();
    Ok(CaseRun::new(kernel, vec![Expectation::close(&out.gradients, expected)]))
}

/// Returns cases with odd channels, remainders of every tile, other kernels and pools, and more tiles than a grid axis
/// has workgroups.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = super::conv::backward_cases(prepare_default);
    cases.extend(mean_cases(prepare_mean));
    let halves = Case::new("weights in halves", |gpu| {
        let tile = ConvTile { windows: [5, 2], units: 1, lanes: 8, workgroup: 8 };
        let shape =
            ConvShape { members: 1, chunks: 2, inputs: 32, outputs: 65, time: 5, mel: 4, kernel: 3, pool: [1, 2] };
        prepare_default(gpu, shape, tile, true)
    });
    cases.push(halves.only_on(DeviceClass::Llvmpipe));
    cases.push(Case::new("more tiles than an axis has", |gpu| {
        let tile = ConvTile { windows: [1, 1], units: 1, lanes: 1, workgroup: 1 };
        let shape =
            ConvShape { members: 1, chunks: 66_000, inputs: 1, outputs: 1, time: 2, mel: 2, kernel: 1, pool: [2, 2] };
        prepare_default(gpu, shape, tile, true)
    }));
    cases
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::conv_forward;

    /// Compares the oracle with central differences of the forward oracle.
    #[test]
    fn the_oracle_is_the_derivative_of_the_forward_oracle() {
        let shape =
            ConvShape { members: 1, chunks: 1, inputs: 2, outputs: 3, time: 4, mel: 4, kernel: 3, pool: [2, 2] };
        let mut stream = crate::base::counter_rng::Key::new(5).stream();
        let mut draw = |n: usize| (0..n).map(|_| stream.normal()).collect::<Vec<f64>>();
        let (input, weights, biases, weighting) = (draw(32), draw(54), draw(3), draw(12));
        let loss = |input: &[f64]| {
            let (output, _) = conv_forward::oracle(&shape, 0.2, input, &weights, &biases, 1.0, |_, _, _| true);
            output.iter().zip(&weighting).map(|(a, b)| a * b).sum::<f64>()
        };
        let (_, routed) = conv_forward::oracle(&shape, 0.2, &input, &weights, &biases, 1.0, |_, _, _| true);
        let grad_output: Vec<WindowGrad> = routed
            .iter()
            .zip(&weighting)
            .map(|(r, w)| WindowGrad { gradient: (w * r.factor(0.2, 1.0)) as f32, ..*r })
            .collect();
        let identity = vec![WindowGrad::new(0, WindowGrad::POSITIVE); 32];
        let gradients = oracle(&shape, 0.2, 1.0, &grad_output, &weights, &identity);
        for index in 0..32 {
            let nudged = |by: f64| {
                let mut input = input.clone();
                input[index] += by;
                loss(&input)
            };
            let difference = (nudged(1e-6) - nudged(-1e-6)) / 2e-6;
            assert!((difference - f64::from(gradients[index].gradient)).abs() < 1e-5, "{index}: {difference}");
        }
    }
}
