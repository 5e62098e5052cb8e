//! `conv_weight_grad`: gradients of a convolution's weights and biases, as partial sums over splits of the batch (SPEC
//! §2).

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::gpu::{Binding, Constant, DeviceClass, Gpu, Kernel, ShaderSource, Tensor, Work, bindings};
use crate::kernels::conv::{
    ConvShape, ConvTile, backward_cases, for_each_tap, registers_fit, scatter_to_winners, threads_fit,
};
use crate::kernels::forms::{lanes_fill_workgroup, uniform_slots};
use crate::kernels::grad_output::{GradOutput, mean_cases, random_grad_output};
use crate::kernels::input::{CASE_STEP, Input, random_input};
use crate::kernels::layout::padded;
use crate::kernels::pool_argmax::{PoolArgmax, WindowGrad};
use crate::kernels::population::Member;
use crate::kernels::{Case, CaseRun, Expectation};

/// Location of a layer's partial sums, `[split, parameter]`, within the region of each member in one tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartialsAt {
    /// Elements per member.
    pub stride: usize,
    /// Elements before this layer.
    pub first: usize,
    /// Splits of the batch, which is the number of partial sums per parameter.
    pub splits: usize,
}

impl PartialsAt {
    pub(super) fn constants(self) -> Vec<(&'static str, Constant)> {
        vec![("PARTIALS", self.stride.into()), ("PARTIALS_AT", self.first.into()), ("SPLITS", self.splits.into())]
    }
}

/// Register tile of one thread: the weights between `inputs` and `outputs` channels, summed over strips `windows` wide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightTile {
    /// Width of a strip along mel, in pool windows.
    pub windows: usize,
    /// Input channels per thread.
    pub inputs: usize,
    /// Output channels per thread.
    pub outputs: usize,
    /// Neighbouring threads that compute neighbouring output channels.
    pub lanes: usize,
    /// Threads per workgroup; a multiple of the lanes.
    pub workgroup: usize,
}

impl WeightTile {
    /// Checks, before compilation, that the kernel can use the tile on `shape`.
    ///
    /// # Errors
    /// The reason why the tile does not fit.
    pub fn fits(&self, shape: &ConvShape) -> std::result::Result<(), String> {
        let Self { windows, inputs, outputs, lanes, workgroup } = *self;
        let [_, across] = shape.windows();
        if windows == 0 || windows > across {
            return Err(format!("{windows} windows in a row of {across}"));
        }
        threads_fit(lanes, workgroup)?;
        if inputs == 0 || inputs > shape.inputs || outputs == 0 || outputs > shape.outputs.div_ceil(lanes) {
            return Err(format!("{inputs} inputs and {outputs} outputs with {lanes} lanes of {}", shape.layer()));
        }
        registers_fit(inputs * outputs * shape.taps())
    }

    /// Returns the number of threads that sum the same split.
    pub fn threads_per_split(&self, shape: &ConvShape) -> usize {
        shape.inputs.div_ceil(self.inputs) * shape.outputs.div_ceil(self.outputs * self.lanes) * self.lanes
    }

    /// Returns the number of strips in all chunks of one member.
    pub fn strips(&self, shape: &ConvShape) -> usize {
        shape.chunks * shape.windows()[1].div_ceil(self.windows)
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        vec![
            ("TILE_M", self.windows.into()),
            ("INPUTS", self.inputs.into()),
            ("OUTPUTS", self.outputs.into()),
            ("LANES", self.lanes.into()),
            ("WORKGROUP", self.workgroup.into()),
        ]
    }
}

/// Gradients of the weights and biases of one convolution layer.
pub struct ConvWeightGrad {
    /// Sizes of the layer.
    pub shape: ConvShape,
    /// Input, `[member, chunk, in, time, mel]`, or a batch of the example store.
    pub input: Input,
    /// Gradient of this layer's output, `[member, chunk, out, windows_t, windows_m]`.
    pub grad_output: GradOutput,
    /// Partial sums of all layers.
    pub partials: Tensor<f32>,
    /// Location of this layer in `partials`.
    pub at: PartialsAt,
    /// Members of the population, `[member]`.
    pub members: Tensor<Member>,
    /// Register tile.
    pub tile: WeightTile,
}

impl Kernel for ConvWeightGrad {
    fn source(&self) -> ShaderSource {
        let full_row = self.tile.windows == self.shape.windows()[1];
        ShaderSource::file("conv/conv_weight_grad.wgsl")
            .fill_all(self.input.slots(&self.shape, self.tile.windows))
            .fill_all(self.grad_output.slots(&self.shape, full_row, self.windows_per_word().is_some()))
            .fill_all(uniform_slots(lanes_fill_workgroup(self.tile.lanes, self.tile.workgroup)))
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        let mut grad_output = self.grad_output.constants();
        grad_output.extend(self.windows_per_word().map(|windows| ("WINDOWS_PER_WORD", windows.into())));
        [
            self.shape.constants(),
            self.input.constants(&self.shape),
            self.tile.constants(),
            self.at.constants(),
            grad_output,
        ]
        .concat()
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        let mut bindings = bindings![self.partials, self.members];
        bindings.extend(self.input.bindings());
        bindings.extend(self.grad_output.bindings());
        bindings
    }

    fn grid(&self) -> [usize; 3] {
        let threads = self.at.splits * self.tile.threads_per_split(&self.shape);
        [threads.div_ceil(self.tile.workgroup), 1, self.shape.members]
    }

    fn layer(&self) -> String {
        self.shape.layer()
    }

    fn work(&self) -> Work {
        let inputs = self.shape.input_shape().iter().product::<usize>();
        Work { flops: 2.0 * self.shape.multiply_adds(), bytes: (inputs * 4 + self.grad_output.bytes()) as f64 }
    }
}

impl ConvWeightGrad {
    /// Returns the number of a strip's windows whose codes share a word; `None` unless four windows can be read at a
    /// time. This requires stored gradients, rows of several whole strips, strips of a multiple of four windows, and
    /// strips that hold whole words or whole parts of one word.
    fn windows_per_word(&self) -> Option<usize> {
        let GradOutput::Stored(pooled) = &self.grad_output else { return None };
        let (windows, per_word, across) = (self.tile.windows, pooled.argmax.per_word, self.shape.windows()[1]);
        let shared = windows.min(per_word);
        let fits = windows.max(per_word).is_multiple_of(shared);
        (windows < across && across.is_multiple_of(windows) && windows.is_multiple_of(4) && fits).then_some(shared)
    }
}

/// Computes the gradients, summed over all chunks: `[member, parameter]`, weights `(out, in, tap)` before biases
/// `(out)`.
pub fn oracle(shape: &ConvShape, input: &[f64], grad_output: &[WindowGrad]) -> Vec<f64> {
    let plane = shape.time * shape.mel;
    let dense = scatter_to_winners(shape, grad_output);
    let mut gradients = vec![0.0; shape.members * shape.parameters()];
    for chunk in 0..shape.members * shape.chunks {
        let of_member = &mut gradients[chunk / shape.chunks * shape.parameters()..][..shape.parameters()];
        let (weights, biases) = of_member.split_at_mut(shape.parameters() - shape.outputs);
        for out in 0..shape.outputs {
            let grad = &dense[(chunk * shape.outputs + out) * plane..][..plane];
            biases[out] += grad.iter().sum::<f64>();
            for channel in 0..shape.inputs {
                let inputs = &input[(chunk * shape.inputs + channel) * plane..][..plane];
                let taps = &mut weights[(out * shape.inputs + channel) * shape.taps()..];
                for_each_tap(shape, |from, to, tap| taps[tap] += inputs[from] * grad[to]);
            }
        }
    }
    gradients
}

/// Properties of a case.
struct ConvWeightGradCase {
    shape: ConvShape,
    tile: WeightTile,
    /// True for a single split; otherwise every chunk of a member has one.
    one_split: bool,
    /// Winner codes per word.
    per_word: usize,
    /// Chunks per segment if the gradient arrives from an embedding; `None` if it is stored.
    mean: Option<usize>,
    /// Number of examples and batch size of a store from which the input is read; `None` for a dense input.
    gathered: Option<[usize; 2]>,
}

impl ConvWeightGradCase {
    fn new(shape: ConvShape, tile: WeightTile) -> Self {
        let per_word = PoolArgmax::most_per_word(shape.window_size());
        Self { shape, tile, one_split: true, per_word, mean: None, gathered: None }
    }
}

/// Creates a case that compares `tile` with the oracle, with `per_word` winner codes per word. With `gathered`, the
/// input is a batch of examples of one chunk each. With `mean`, the gradient arrives from the embedding, which is the
/// mean of the outputs over a chunk.
pub fn check(shape: ConvShape, tile: WeightTile, per_word: usize, gathered: bool, mean: bool) -> Case {
    let (mean, gathered) = (mean.then_some(1), gathered.then_some([shape.chunks + 2, shape.chunks]));
    let setting = ConvWeightGradCase { per_word, mean, gathered, ..ConvWeightGradCase::new(shape, tile) };
    Case::new(format!("{} {tile:?}", shape.layer()), move |gpu| prepare(gpu, &setting))
}

/// Returns a tile with the lanes and the width of `tile`. Two inputs and five outputs leave a remainder of most cases'
/// channels.
fn weight_tile_like(tile: ConvTile) -> WeightTile {
    let ConvTile { windows: [_, windows], channel_vectors, lanes, workgroup } = tile;
    let outputs = if lanes == 1 { 5 } else { channel_vectors };
    WeightTile { windows, inputs: 2, outputs, lanes, workgroup }
}

fn prepare(gpu: &Gpu, setting: &ConvWeightGradCase) -> Result<CaseRun> {
    let ConvWeightGradCase { shape, tile, one_split, per_word, mean, gathered } = *setting;
    let (input, inputs) = random_input(gpu, &shape, gathered)?;
    let (grad_output, window_grads) = random_grad_output(gpu, &shape, per_word, mean)?;
    // A single split exposes every sum. Several splits are checked here with one chunk of a member per split, and by
    // their total in the cases of `adam`.
    let (splits, gradients) = match one_split {
        true => (1, oracle(&shape, &inputs, &window_grads)),
        false => (shape.chunks, per_chunk(&shape, &inputs, &window_grads)),
    };
    let stored = padded(shape.parameters());
    let partials = gpu.tensor("partials", &[shape.members, splits, stored])?;
    let filled = |of_split: &[f64]| [of_split, &vec![0.0; stored - of_split.len()]].concat();
    let expected = gradients.chunks(shape.parameters()).flat_map(filled).collect();
    let kernel = ConvWeightGrad {
        shape,
        input,
        grad_output,
        partials: partials.clone(),
        at: PartialsAt { stride: splits * stored, first: 0, splits },
        members: gpu.tensor_from("members", &[shape.members], &vec![Member::new(1); shape.members])?,
        tile,
    };
    Ok(CaseRun::new(kernel, vec![Expectation::close(&partials, expected)]).at_step(CASE_STEP as u32))
}

/// Computes the gradients of each chunk separately.
fn per_chunk(shape: &ConvShape, input: &[f64], grad_output: &[WindowGrad]) -> Vec<f64> {
    let every_chunk = ConvShape { members: shape.members * shape.chunks, chunks: 1, ..*shape };
    oracle(&every_chunk, input, grad_output)
}

/// Returns cases with odd channels, remainders of every tile, and other kernels and pools.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = backward_cases(|gpu, shape, tile, one_split| {
        prepare(gpu, &ConvWeightGradCase { one_split, ..ConvWeightGradCase::new(shape, weight_tile_like(tile)) })
    });
    cases.extend(mean_cases(|gpu, shape, tile, chunks| {
        prepare(
            gpu,
            &ConvWeightGradCase { mean: Some(chunks), ..ConvWeightGradCase::new(shape, weight_tile_like(tile)) },
        )
    }));
    let two = Case::new("two members' batches out of a store", |gpu| {
        let tile = WeightTile { windows: 4, inputs: 1, outputs: 2, lanes: 8, workgroup: 8 };
        let shape = ConvShape::new([2, 6, 1, 4, 16], 9, 3, [2, 2]);
        prepare(gpu, &ConvWeightGradCase { gathered: Some([5, 3]), ..ConvWeightGradCase::new(shape, tile) })
    });
    cases.push(two.only_on(DeviceClass::Llvmpipe));
    cases.push(Case::new("out of a store, threads alone", |gpu| {
        let tile = WeightTile { windows: 3, inputs: 1, outputs: 4, lanes: 1, workgroup: 32 };
        let shape = ConvShape::new([1, 4, 1, 4, 12], 9, 3, [2, 2]);
        let setting = ConvWeightGradCase::new(shape, tile);
        prepare(gpu, &ConvWeightGradCase { one_split: false, per_word: 2, gathered: Some([300, 4]), ..setting })
    }));
    cases
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::conv_forward;
    use crate::kernels::pool_argmax::LeakyDropout;

    /// Compares the oracle with central differences of the forward oracle.
    #[test]
    fn the_oracle_is_the_derivative_of_the_forward_oracle() {
        let shape = ConvShape::new([1, 2, 2, 4, 4], 3, 3, [1, 2]);
        let activation = LeakyDropout { slope: 0.2, scale: 1.0 };
        let mut stream = crate::base::counter_rng::Key::new(6).stream();
        let mut draw = |n: usize| (0..n).map(|_| stream.normal()).collect::<Vec<f64>>();
        let (input, parameters, weighting) = (draw(64), draw(57), draw(48));
        let forward = |parameters: &[f64]| conv_forward::oracle(&shape, 0.2, &input, parameters, |_, _, _| 1.0);
        let loss = |parameters: &[f64]| forward(parameters).0.iter().zip(&weighting).map(|(a, b)| a * b).sum::<f64>();
        let grad_output: Vec<WindowGrad> = forward(&parameters)
            .1
            .iter()
            .zip(&weighting)
            .map(|(winner, w)| WindowGrad { gradient: (w * winner.factor(activation)) as f32, ..*winner })
            .collect();
        let gradients = oracle(&shape, &input, &grad_output);
        for index in 0..57 {
            let nudged = |by: f64| {
                let mut parameters = parameters.clone();
                parameters[index] += by;
                loss(&parameters)
            };
            let difference = (nudged(1e-6) - nudged(-1e-6)) / 2e-6;
            assert!((difference - gradients[index]).abs() < 1e-4, "{index}: {difference} and {}", gradients[index]);
        }
    }
}
