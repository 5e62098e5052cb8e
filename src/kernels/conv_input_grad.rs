//! `conv_input_grad`: gradient of a convolution's input, propagated back through LeakyReLU, dropout and pool of the
//! previous layer (SPEC §2).

use crate::Result;
use crate::gpu::{Binding, Constant, DeviceClass, Gpu, Kernel, ShaderSource, Tensor, Work, bindings};
use crate::kernels::conv::{
    ConvShape, ConvTile, PackedWeights, WeightBinding, backward_cases, for_each_tap, random_window_grads,
    scatter_to_winners, store,
};
use crate::kernels::grad_output::{GradOutput, mean_cases, random_grad_output};
use crate::kernels::pool_argmax::{LeakyDropout, PoolArgmax, PooledGrad, WindowGrad};
use crate::kernels::population::Member;
use crate::kernels::{Case, CaseRun, Expectation, random};

/// Gradient of the input of one convolution layer.
pub struct ConvInputGrad {
    /// Sizes of the layer.
    pub shape: ConvShape,
    /// LeakyReLU and dropout of the previous layer.
    pub activation: LeakyDropout,
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
        let mut constants = self.grad_output.constants();
        constants.extend(self.activation.constants());
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
    activation: LeakyDropout,
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
    let propagated = |(window, gradient): (&WindowGrad, f64)| WindowGrad {
        gradient: (gradient * window.factor(activation)) as f32,
        ..*window
    };
    grad_input.iter().zip(gradients).map(propagated).collect()
}

/// Packs `weights` `[member, out, in, tap]` in the transposed layout, one region per member.
fn pack(shape: &ConvShape, weights: &[f64]) -> Vec<f32> {
    let stride = shape.backward_quads() * 4;
    let mut packed = vec![0.0; shape.members * stride];
    let of_members = weights.chunks(shape.outputs * shape.inputs * shape.taps());
    for (weights, packed) in of_members.zip(packed.chunks_mut(stride)) {
        for (index, weight) in weights.iter().enumerate() {
            let (channels, tap) = (index / shape.taps(), index % shape.taps());
            packed[shape.backward_at(channels / shape.inputs, channels % shape.inputs, tap)] = *weight as f32;
        }
    }
    packed
}

/// Creates a case that compares `tile` with the oracle. `per_word` holds the codes per word of this layer and of the
/// previous one. With `mean`, the gradient arrives from the embedding, which is the mean of the outputs over a chunk.
pub fn check(shape: ConvShape, tile: ConvTile, per_word: [usize; 2], mean: bool) -> Case {
    let setting = ConvInputGradCase { per_word, mean: mean.then_some(1), ..ConvInputGradCase::new(shape, tile) };
    Case::new(format!("{} {tile:?}", shape.layer()), move |gpu| prepare(gpu, &setting))
}

/// Properties of a case.
struct ConvInputGradCase {
    shape: ConvShape,
    tile: ConvTile,
    /// True if the weights are bound as uniform buffers where they fit.
    uniform: bool,
    /// Winner codes per word of this layer and of the previous one.
    per_word: [usize; 2],
    /// Chunks per segment if the gradient arrives from an embedding; `None` if it is stored.
    mean: Option<usize>,
}

impl ConvInputGradCase {
    fn new(shape: ConvShape, tile: ConvTile) -> Self {
        let per_word = [PoolArgmax::most_per_word(shape.window_size()), 4];
        Self { shape, tile, uniform: true, per_word, mean: None }
    }
}

fn prepare(gpu: &Gpu, setting: &ConvInputGradCase) -> Result<CaseRun> {
    let ConvInputGradCase { shape, tile, uniform, per_word, mean } = *setting;
    let activation = LeakyDropout { slope: 0.2, scale: 1.25 };
    let (grad_output, window_grads) = random_grad_output(gpu, &shape, per_word[0], mean)?;
    let grad_input = random_window_grads("grad_input", &shape.input_shape(), 4);
    let (_, weights) = random(gpu, "weights", &[shape.members, shape.outputs, shape.inputs, shape.taps()])?;
    let packed = pack(&shape, &weights);
    let expected = oracle(&shape, activation, &window_grads, &weights, &grad_input);
    let out = PooledGrad::from(gpu, "grad_input", &shape.input_shape(), &grad_input, per_word[1])?;
    let tensor = gpu.tensor_from("packed", &[packed.len()], &packed)?;
    let packed = PackedWeights::new(gpu, &tensor, 0, shape.backward_sizes(), shape.members);
    let binding = match uniform {
        true => WeightBinding::of(gpu, shape.backward_sizes(), shape.members, true),
        false => WeightBinding::Storage,
    };
    let kernel = ConvInputGrad {
        shape,
        activation,
        grad_output,
        packed: PackedWeights { binding, ..packed },
        grad_input: out.clone(),
        members: gpu.tensor_from("members", &[shape.members], &vec![Member::new(1); shape.members])?,
        tile,
    };
    let expected = expected.iter().map(|window| f64::from(window.gradient)).collect();
    Ok(CaseRun::new(kernel, vec![Expectation::close(&out.gradients, expected)]))
}

/// Returns cases with odd channels, remainders of every tile, other kernels and pools, and more tiles than a grid axis
/// has workgroups.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = backward_cases(|gpu, shape, tile, uniform| {
        prepare(gpu, &ConvInputGradCase { uniform, ..ConvInputGradCase::new(shape, tile) })
    });
    cases.extend(mean_cases(|gpu, shape, tile, chunks| {
        prepare(gpu, &ConvInputGradCase { mean: Some(chunks), ..ConvInputGradCase::new(shape, tile) })
    }));
    let halves = Case::new("weights in halves", |gpu| {
        let tile = ConvTile { windows: [5, 2], channel_vectors: 1, lanes: 8, workgroup: 8 };
        prepare(gpu, &ConvInputGradCase::new(ConvShape::new([1, 2, 32, 5, 4], 65, 3, [1, 2]), tile))
    });
    cases.push(halves.only_on(DeviceClass::Llvmpipe));
    cases.push(Case::new("more tiles than an axis has", |gpu| {
        let tile = ConvTile { windows: [1, 1], channel_vectors: 1, lanes: 1, workgroup: 1 };
        prepare(gpu, &ConvInputGradCase::new(ConvShape::new([1, 66_000, 1, 2, 2], 1, 1, [2, 2]), tile))
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
        let shape = ConvShape::new([1, 1, 2, 4, 4], 3, 3, [2, 2]);
        let activation = LeakyDropout { slope: 0.2, scale: 1.0 };
        let mut stream = crate::base::counter_rng::Key::new(5).stream();
        let mut draw = |n: usize| (0..n).map(|_| stream.normal()).collect::<Vec<f64>>();
        let (input, weights, biases, weighting) = (draw(32), draw(54), draw(3), draw(12));
        let parameters = [weights.as_slice(), &biases].concat();
        let forward = |input: &[f64]| conv_forward::oracle(&shape, 0.2, input, &parameters, |_, _, _| 1.0);
        let loss = |input: &[f64]| forward(input).0.iter().zip(&weighting).map(|(a, b)| a * b).sum::<f64>();
        let grad_output: Vec<WindowGrad> = forward(&input)
            .1
            .iter()
            .zip(&weighting)
            .map(|(winner, w)| WindowGrad { gradient: (w * winner.factor(activation)) as f32, ..*winner })
            .collect();
        let identity = vec![WindowGrad::new(0, WindowGrad::POSITIVE); 32];
        let gradients = oracle(&shape, activation, &grad_output, &weights, &identity);
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
