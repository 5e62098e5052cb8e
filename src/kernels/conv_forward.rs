//! `conv_forward`: convolution, bias, LeakyReLU, dropout and max-pool of one layer in one dispatch (SPEC §2).

use crate::Result;
use crate::gpu::{Binding, Constant, DeviceClass, Gpu, Kernel, ShaderSource, Tensor, Work, bindings};
use crate::kernels::conv::{ConvShape, ConvTile, PackedWeights, WeightBinding, for_each_tap, store};
use crate::kernels::dropout::{Dropout, RandomMask};
use crate::kernels::forms::case_of_lanes;
use crate::kernels::input::{CASE_STEP, Input, random_input};
use crate::kernels::pool_argmax::{PoolArgmax, WindowGrad};
use crate::kernels::population::{Member, ScheduleStep};
use crate::kernels::{Case, CaseRun, Expectation, random, random_below};

/// Forward pass of one layer: convolution, bias, LeakyReLU, dropout and max-pool.
pub struct ConvForward {
    /// Sizes of the layer.
    pub shape: ConvShape,
    /// Layer number, which enters the dropout counter.
    pub layer: usize,
    /// LeakyReLU slope below zero.
    pub slope: f64,
    /// Input, `[member, chunk, in, time, mel]`, or a batch of the example store.
    pub input: Input,
    /// Weights and biases in the forward layout.
    pub packed: PackedWeights,
    /// Pooled output, `[member, chunk, out, windows_t, windows_m]`.
    pub output: Tensor<f32>,
    /// Pool winners for the backward pass; `None` in evaluation.
    pub pool_argmax: Option<PoolArgmax>,
    /// Members of the population, `[member]`.
    pub members: Tensor<Member>,
    /// Dropout after LeakyReLU.
    pub dropout: Dropout,
    /// Register tile.
    pub tile: ConvTile,
}

impl Kernel for ConvForward {
    fn source(&self) -> ShaderSource {
        let pool_argmax = match self.pool_argmax {
            Some(_) => "conv/argmax_stored.wgsl",
            None => "conv/argmax_discarded.wgsl",
        };
        ShaderSource::file("conv/conv_forward.wgsl")
            .fill("weights", self.packed.file())
            .fill("pool_argmax", pool_argmax)
            .fill("store", store(self.windows_per_word(), self.shape.windows()[1]))
            .fill("dropout", self.dropout.file())
            .fill_all(self.input.slots(&self.shape, self.tile.windows[1]))
            .fill_all(self.tile.slots())
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        let per_word = self.argmax_per_word();
        assert!(self.tile.fills_words(&self.shape, per_word), "{:?} with {per_word} winner codes in a word", self.tile);
        let mut constants = vec![
            ("LAYER", self.layer.into()),
            ("SLOPE", self.slope.into()),
            ("ARGMAX_PER_WORD", per_word.into()),
            ("WINDOWS_PER_WORD", self.windows_per_word().into()),
            ("TAP_ORDER", (0..self.shape.taps() as u32).collect::<Vec<_>>().into()),
        ];
        constants.extend(self.shape.constants());
        constants.extend(self.input.constants(&self.shape));
        constants.extend(self.tile.constants(&self.shape, self.shape.outputs));
        constants.extend(self.packed.constants());
        constants.extend(self.dropout.constants());
        constants
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        let mut bindings = bindings![self.output, self.members];
        bindings.extend(self.input.bindings());
        bindings.extend(self.packed.bindings());
        bindings.extend(self.pool_argmax.as_ref().map(|argmax| ("pool_argmax", argmax.binding())));
        bindings.extend(self.dropout.binding());
        bindings
    }

    fn grid(&self) -> [usize; 3] {
        self.tile.grid(&self.shape, self.shape.outputs)
    }

    fn layer(&self) -> String {
        self.shape.layer()
    }

    fn work(&self) -> Work {
        let argmax_words = self.pool_argmax.as_ref().map_or(0, |argmax| argmax.tensor.len());
        Work {
            flops: 2.0 * self.shape.multiply_adds(),
            bytes: ((self.shape.input_shape().iter().product::<usize>() + self.output.len() + argmax_words) * 4) as f64,
        }
    }
}

impl ConvForward {
    /// Returns the winner codes per word; if no winners are stored, the largest number that the tile allows.
    fn argmax_per_word(&self) -> usize {
        self.pool_argmax.as_ref().map_or_else(|| self.tile.argmax_per_word(&self.shape), |argmax| argmax.per_word)
    }

    /// Returns the number of neighbouring windows of a tile whose codes share a word.
    fn windows_per_word(&self) -> usize {
        self.argmax_per_word().min(self.tile.windows[1])
    }
}

/// Computes the pooled outputs and winners of one layer from `parameters` `[member, parameter]`, weights `(out, in,
/// tap)` before biases `(out)`. `dropout(member, window, position)` returns the factor by which dropout multiplies a
/// value: 0 for a value that is dropped.
pub fn oracle(
    shape: &ConvShape,
    slope: f64,
    input: &[f64],
    parameters: &[f64],
    dropout: impl Fn(usize, usize, usize) -> f64,
) -> (Vec<f64>, Vec<WindowGrad>) {
    let plane = shape.time * shape.mel;
    let [windows_t, windows_m] = shape.windows();
    let (mut output, mut window_argmax) = (Vec::new(), Vec::new());
    for chunk in 0..shape.members * shape.chunks {
        let member = chunk / shape.chunks;
        let of_member = &parameters[member * shape.parameters()..][..shape.parameters()];
        let (weights, biases) = of_member.split_at(shape.parameters() - shape.outputs);
        for out in 0..shape.outputs {
            let mut sums = vec![biases[out]; plane];
            for channel in 0..shape.inputs {
                let inputs = &input[(chunk * shape.inputs + channel) * plane..][..plane];
                let taps = &weights[(out * shape.inputs + channel) * shape.taps()..];
                for_each_tap(shape, |from, to, tap| sums[to] += taps[tap] * inputs[from]);
            }
            for window in 0..windows_t * windows_m {
                let (t, m) = (window / windows_m * shape.pool[0], window % windows_m * shape.pool[1]);
                let in_member = (chunk % shape.chunks * shape.outputs + out) * windows_t * windows_m + window;
                let mut best = (f64::NEG_INFINITY, 0);
                for position in 0..shape.window_size() {
                    let x = sums[(t + position / shape.pool[1]) * shape.mel + m + position % shape.pool[1]];
                    let factor = dropout(member, in_member, position);
                    let (value, sign) = match (factor == 0.0, x > 0.0) {
                        (true, _) => (0.0, WindowGrad::DROPPED),
                        (false, true) => (factor * x, WindowGrad::POSITIVE),
                        (false, false) => (factor * (slope * x), WindowGrad::NEGATIVE),
                    };
                    if value > best.0 {
                        best = (value, WindowGrad::new(position, sign).code);
                    }
                }
                output.push(best.0);
                window_argmax.push(WindowGrad { gradient: 0.0, code: best.1 });
            }
        }
    }
    (output, window_argmax)
}

/// Packs parameters in the forward layout, one region per member.
pub(super) fn pack(shape: &ConvShape, parameters: &[f64]) -> Vec<f32> {
    let stride = shape.forward_quads() * 4;
    let mut packed = vec![0.0; shape.members * stride];
    for (of_member, packed) in parameters.chunks(shape.parameters()).zip(packed.chunks_mut(stride)) {
        let (weights, biases) = of_member.split_at(shape.parameters() - shape.outputs);
        for out in 0..shape.outputs {
            packed[shape.bias_at(out)] = biases[out] as f32;
            for input in 0..shape.inputs {
                for tap in 0..shape.taps() {
                    let weight = weights[(out * shape.inputs + input) * shape.taps() + tap];
                    packed[shape.forward_at(out, input, tap)] = weight as f32;
                }
            }
        }
    }
    packed
}

#[derive(Clone, Copy, PartialEq)]
enum Mask {
    Off,
    Random,
    Injected,
}

/// Properties of a case.
struct ConvForwardCase {
    shape: ConvShape,
    tile: ConvTile,
    mask: Mask,
    /// True if inputs and parameters have few distinct values, so that equal maxima are common. The first maximum of a
    /// window must win.
    ties: bool,
    /// Number of examples and batch size of a store from which the input is read; `None` for a dense input.
    gathered: Option<[usize; 2]>,
}

/// Creates a case that compares `tile` with the oracle, with the dropout of training. With `gathered`, the input is a
/// batch of examples of one chunk each.
pub fn check(shape: ConvShape, tile: ConvTile, gathered: bool) -> Case {
    let gathered = gathered.then_some([shape.chunks + 2, shape.chunks]);
    let setting = ConvForwardCase { shape, tile, mask: Mask::Random, ties: false, gathered };
    Case::new(format!("{} {tile:?}", shape.layer()), move |gpu| prepare(gpu, &setting))
}

fn prepare(gpu: &Gpu, setting: &ConvForwardCase) -> Result<CaseRun> {
    let ConvForwardCase { shape, tile, mask, ties, gathered } = *setting;
    let (layer, slope, p) = (1, 0.2, 0.2);
    let (mut input, mut inputs) = random_input(gpu, &shape, gathered)?;
    let (_, mut parameters) = random(gpu, "parameters", &[shape.members, shape.parameters()])?;
    if ties {
        inputs.iter_mut().for_each(|x| *x = x.round().clamp(-1.0, 1.0));
        parameters.iter_mut().for_each(|x| *x = x.round());
        let rounded: Vec<f32> = inputs.iter().map(|x| *x as f32).collect();
        input = Input::Dense(gpu.tensor_from("input", &shape.input_shape(), &rounded)?);
    }
    let packed = pack(&shape, &parameters);
    let members: Vec<Member> = (0..shape.members).map(|m| Member::new(m as u64)).collect();
    let steps: Vec<ScheduleStep> = (0..(CASE_STEP + 1) * shape.members)
        .map(|i| ScheduleStep { t: 7 + i as u32, step_size: 0.0, decay: 0.0 })
        .collect();
    let blocks = shape.output_shape()[1..].iter().product::<usize>() * shape.blocks_per_window();
    let injected: Vec<u32> = random_below("keep", shape.members * blocks * 4, 5);
    let injected: Vec<u32> = injected.into_iter().map(|x| u32::from(x > 0)).collect();
    let dropout = match mask {
        Mask::Off => Dropout::Off,
        Mask::Random => {
            Dropout::Random { p, schedule: gpu.tensor_from("schedule", &[CASE_STEP + 1, shape.members], &steps)? }
        }
        Mask::Injected => {
            Dropout::Injected { p, keep: gpu.tensor_from("keep", &[shape.members, blocks, 4], &injected)? }
        }
    };
    let factor = |member: usize, window: usize, position: usize| {
        let (block, lane) = (window * shape.blocks_per_window() + position / 4, position % 4);
        let kept = match mask {
            Mask::Off => true,
            Mask::Random => {
                let (key, t) = (members[member].dropout_key, steps[CASE_STEP * shape.members + member].t);
                RandomMask { key, t, layer, p }.keeps(block, lane)
            }
            Mask::Injected => injected[(member * blocks + block) * 4 + lane] == 1,
        };
        if kept { dropout.scale() } else { 0.0 }
    };
    let (expected, window_argmax) = oracle(&shape, slope, &inputs, &parameters, factor);
    let output = gpu.tensor("output", &shape.output_shape())?;
    let per_word = tile.argmax_per_word(&shape);
    let pool_argmax = PoolArgmax::new(gpu, "pool_argmax", &shape.output_shape(), per_word)?;
    let tensor = gpu.tensor_from("packed", &[packed.len()], &packed)?;
    let packed = PackedWeights::new(gpu, &tensor, 0, shape.forward_sizes(), shape.members);
    let binding = match mask {
        Mask::Injected => WeightBinding::Storage,
        _ => WeightBinding::of(gpu, shape.forward_sizes(), shape.members, true),
    };
    let kernel = ConvForward {
        shape,
        layer,
        slope,
        input,
        packed: PackedWeights { binding, ..packed },
        output: output.clone(),
        pool_argmax: (mask != Mask::Off || ties).then(|| pool_argmax.clone()),
        members: gpu.tensor_from("members", &[shape.members], &members)?,
        dropout,
        tile,
    };
    let mut expectations = vec![Expectation::close(&output, expected)];
    if ties {
        let words = PoolArgmax::pack(&window_argmax, shape.windows()[1], per_word);
        expectations.push(Expectation::exact(&pool_argmax.tensor, words));
    }
    Ok(CaseRun::new(kernel, expectations).at_step(CASE_STEP as u32))
}

/// Returns cases with odd sizes, remainders of every tile, ties, and the three forms of dropout.
pub(super) fn cases() -> Vec<Case> {
    let shape = ConvShape::new;
    let alone = |windows, channel_vectors, workgroup| ConvTile { windows, channel_vectors, lanes: 1, workgroup };
    let lanes = |windows, channel_vectors, workgroup| ConvTile { windows, channel_vectors, lanes: 8, workgroup };
    let case = |name: &str, shape: ConvShape, tile: ConvTile, mask: Mask, ties: bool| {
        let setting = ConvForwardCase { shape, tile, mask, ties, gathered: None };
        case_of_lanes(Case::new(name, move |gpu| prepare(gpu, &setting)), tile.lanes, tile.workgroup)
    };
    let two_batches = ConvForwardCase {
        shape: shape([2, 6, 1, 4, 16], 9, 3, [2, 2]),
        tile: lanes([1, 8], 1, 8),
        mask: Mask::Random,
        ties: false,
        gathered: Some([5, 3]),
    };
    let one_batch = ConvForwardCase {
        shape: shape([1, 4, 1, 4, 12], 5, 3, [2, 2]),
        tile: alone([1, 3], 1, 32),
        mask: Mask::Off,
        ties: false,
        gathered: Some([300, 4]),
    };
    vec![
        case("one input channel", shape([1, 3, 1, 20, 64], 16, 3, [2, 2]), alone([1, 4], 2, 64), Mask::Off, false),
        case(
            "odd channels, two members",
            shape([2, 3, 3, 6, 8], 5, 3, [2, 2]),
            alone([1, 3], 1, 32),
            Mask::Random,
            false,
        ),
        case(
            "a tile taller than the plane",
            shape([2, 2, 4, 5, 16], 9, 3, [1, 4]),
            alone([5, 1], 2, 32),
            Mask::Random,
            false,
        ),
        case(
            "kernel 5, pool of two",
            shape([1, 2, 3, 5, 6], 6, 5, [1, 2]),
            alone([2, 2], 1, 64),
            Mask::Injected,
            false,
        ),
        case(
            "kernel 1, pool of eight",
            shape([1, 2, 3, 4, 8], 6, 1, [2, 4]),
            alone([1, 1], 1, 64),
            Mask::Injected,
            false,
        ),
        case("ties", shape([2, 3, 3, 6, 8], 5, 3, [2, 2]), alone([1, 2], 1, 64), Mask::Off, true),
        case("ties with dropout", shape([1, 5, 2, 4, 8], 4, 3, [2, 2]), alone([2, 1], 1, 64), Mask::Random, true),
        case("lanes, whole rows", shape([2, 3, 3, 6, 16], 19, 3, [2, 2]), lanes([1, 8], 2, 8), Mask::Random, true),
        case("lanes, rows of five", shape([2, 3, 17, 4, 10], 9, 5, [2, 2]), lanes([2, 5], 1, 8), Mask::Injected, true),
        case("lanes, parts of rows", shape([1, 3, 3, 6, 24], 5, 3, [2, 2]), lanes([2, 8], 1, 16), Mask::Random, true),
        case("lanes, half rows", shape([1, 3, 3, 6, 16], 9, 5, [2, 2]), lanes([1, 4], 2, 8), Mask::Random, false),
        case("weights in halves", shape([1, 2, 32, 5, 4], 65, 3, [1, 2]), lanes([5, 2], 1, 8), Mask::Random, false),
        case(
            "weights in halves, four channels",
            shape([1, 2, 32, 5, 4], 65, 3, [1, 2]),
            alone([5, 2], 1, 32),
            Mask::Off,
            true,
        ),
        Case::new("two members' batches out of a store", move |gpu| prepare(gpu, &two_batches))
            .only_on(DeviceClass::Llvmpipe),
        Case::new("out of a store, threads alone", move |gpu| prepare(gpu, &one_batch)),
        case(
            "more tiles than an axis has",
            shape([1, 66_000, 1, 2, 2], 1, 1, [2, 2]),
            alone([1, 1], 1, 1),
            Mask::Random,
            false,
        ),
    ]
}
