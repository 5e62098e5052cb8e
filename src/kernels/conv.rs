//! Shapes, tiles and packed weights of the three convolution kernels.
//!
//! `conv_forward`, `conv_input_grad` and `conv_weight_grad` work on the same layer ([`ConvShape`]). `conv_forward` and
//! `conv_input_grad` divide the layer's plane into tiles ([`ConvTile`]) and read the weights from separate packed
//! layouts ([`PackedWeights`]).

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::base::counter_rng::Key;
use crate::gpu::{Binding, Constant, Gpu, Tensor};
use crate::kernels::forms::{case_of_lanes, lanes_fill_workgroup, two_uniforms, uniform_slots};
use crate::kernels::pool_argmax::{PoolArgmax, WindowGrad};
use crate::kernels::{Case, CaseRun};

/// Sizes of one convolution layer with its max-pool, for a whole population.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConvShape {
    /// Members of the population.
    pub members: usize,
    /// Chunks per member.
    pub chunks: usize,
    /// Input channels.
    pub inputs: usize,
    /// Output channels.
    pub outputs: usize,
    /// Time steps before the pool.
    pub time: usize,
    /// Mel positions before the pool.
    pub mel: usize,
    /// Side of the square kernel, odd.
    pub kernel: usize,
    /// Pool window, `[time, mel]`; divides the layer's `[time, mel]`.
    pub pool: [usize; 2],
}

impl ConvShape {
    /// Creates the shape of a layer with the input `[member, chunk, in, time, mel]`.
    pub fn new(input: [usize; 5], outputs: usize, kernel: usize, pool: [usize; 2]) -> Self {
        let [members, chunks, inputs, time, mel] = input;
        Self { members, chunks, inputs, outputs, time, mel, kernel, pool }
    }

    /// Returns the number of positions of a pool window.
    pub fn window_size(&self) -> usize {
        self.pool[0] * self.pool[1]
    }

    /// Returns the size of the plane after the pool, `[time, mel]`.
    pub fn windows(&self) -> [usize; 2] {
        [self.time / self.pool[0], self.mel / self.pool[1]]
    }

    /// Returns the shape of the input, `[member, chunk, in, time, mel]`.
    pub fn input_shape(&self) -> [usize; 5] {
        [self.members, self.chunks, self.inputs, self.time, self.mel]
    }

    /// Returns the shape of the pooled output, `[member, chunk, out, windows_t, windows_m]`.
    pub fn output_shape(&self) -> [usize; 5] {
        let [t, m] = self.windows();
        [self.members, self.chunks, self.outputs, t, m]
    }

    /// Returns the number of taps of one kernel plane.
    pub fn taps(&self) -> usize {
        self.kernel * self.kernel
    }

    /// Returns the number of weights and biases of one member.
    pub fn parameters(&self) -> usize {
        self.outputs * self.inputs * self.taps() + self.outputs
    }

    /// Returns the multiply-adds of the forward pass over all members; each backward kernel has the same number.
    pub fn multiply_adds(&self) -> f64 {
        (self.members * self.chunks * self.outputs * self.inputs * self.taps() * self.time * self.mel) as f64
    }

    /// Describes the layer for reports: channels and plane, as in "64→64 32×16".
    pub fn layer(&self) -> String {
        format!("{}→{} {}×{}", self.inputs, self.outputs, self.time, self.mel)
    }

    /// Returns the number of random blocks that one pool window consumes; a block serves four positions.
    pub fn blocks_per_window(&self) -> usize {
        self.window_size().div_ceil(4)
    }

    pub(super) fn constants(&self) -> Vec<(&'static str, Constant)> {
        vec![
            ("MEMBERS", self.members.into()),
            ("IN", self.inputs.into()),
            ("OUT", self.outputs.into()),
            ("TIME", self.time.into()),
            ("MEL", self.mel.into()),
            ("KERNEL", self.kernel.into()),
            ("POOL_T", self.pool[0].into()),
            ("POOL_M", self.pool[1].into()),
        ]
    }

    /// Returns the size of the forward layout in vec4s: weights `[in, tap, out / 4]`, then biases `[out / 4]`.
    pub fn forward_quads(&self) -> usize {
        (self.inputs * self.taps() + 1) * self.outputs.div_ceil(4)
    }

    /// Returns the element of the forward layout that holds weight (out, in, tap).
    pub fn forward_at(&self, output: usize, input: usize, tap: usize) -> usize {
        (input * self.taps() + tap) * self.outputs.next_multiple_of(4) + output
    }

    /// Returns the element of the forward layout that holds the bias of `output`.
    pub fn bias_at(&self, output: usize) -> usize {
        self.forward_at(output, self.inputs, 0)
    }

    /// Returns the elements of the forward layout: of one member, and of one input channel.
    pub fn forward_sizes(&self) -> [usize; 2] {
        [self.forward_quads() * 4, self.forward_at(0, 1, 0)]
    }

    /// Returns the elements of the transposed layout: of one member, and of one output channel.
    pub fn backward_sizes(&self) -> [usize; 2] {
        [self.backward_quads() * 4, self.backward_at(1, 0, 0)]
    }

    /// Returns the size in vec4s of the transposed layout, which the input gradient reads: `[out, tap, in / 4]`.
    pub fn backward_quads(&self) -> usize {
        self.outputs * self.taps() * self.inputs.div_ceil(4)
    }

    /// Returns the element of the transposed layout that holds weight (out, in, tap).
    pub fn backward_at(&self, output: usize, input: usize, tap: usize) -> usize {
        (output * self.taps() + tap) * self.inputs.next_multiple_of(4) + input
    }
}

/// Register tile of one thread: pool windows × vectors of channels, and the division of work among neighbouring
/// threads.
///
/// With one lane, neighbouring threads compute neighbouring windows. A vector then holds four channels, whose weights
/// are read with one load. With several lanes, neighbouring threads compute neighbouring channels of the same windows.
/// A vector then holds a single channel, and all lanes read the same input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConvTile {
    /// Pool windows, `[time, mel]`.
    pub windows: [usize; 2],
    /// Vectors of channels per thread. Files of earlier versions call them units.
    #[serde(alias = "units")]
    pub channel_vectors: usize,
    /// Neighbouring threads that share the same windows.
    pub lanes: usize,
    /// Threads per workgroup; a multiple of the lanes.
    pub workgroup: usize,
}

impl ConvTile {
    /// Returns the number of channels in a vector.
    fn channels_per_vector(&self) -> usize {
        if self.lanes == 1 { 4 } else { 1 }
    }

    /// Returns the number of positions of the plane, before the pool, that a thread computes.
    pub fn positions(&self, shape: &ConvShape) -> usize {
        self.windows[0] * self.windows[1] * shape.window_size()
    }

    /// Returns the number of sums that a thread keeps in registers.
    pub fn sums(&self, shape: &ConvShape) -> usize {
        self.positions(shape) * self.channel_vectors * self.channels_per_vector()
    }

    /// Checks, before compilation, that a kernel that computes `channels` channels of `shape` can use the tile.
    ///
    /// # Errors
    /// The reason why the tile does not fit.
    pub fn fits(&self, shape: &ConvShape, channels: usize) -> std::result::Result<(), String> {
        let Self { windows, channel_vectors, lanes, workgroup } = *self;
        let plane = shape.windows();
        if windows.contains(&0) || windows[0] > plane[0] || windows[1] > plane[1] {
            return Err(format!("{windows:?} windows in a plane of {plane:?}"));
        }
        threads_fit(lanes, workgroup)?;
        let most = channels.div_ceil(self.channels_per_vector() * lanes);
        if channel_vectors == 0 || channel_vectors > most {
            return Err(format!(
                "{channel_vectors} channel vectors, {channels} channels are {most} with {lanes} lanes"
            ));
        }
        registers_fit(self.sums(shape))
    }

    /// Returns the shader constants for a kernel that computes `channels` channels.
    pub(super) fn constants(&self, shape: &ConvShape, channels: usize) -> Vec<(&'static str, Constant)> {
        let positions = self.positions(shape);
        let sums_per_block = [4, 2, 1].into_iter().find(|n| positions.is_multiple_of(*n)).unwrap_or(1);
        vec![
            ("CHANNELS", channels.into()),
            ("TILE_T", self.windows[0].into()),
            ("TILE_M", self.windows[1].into()),
            ("CHANNEL_VECTORS", self.channel_vectors.into()),
            ("LANES", self.lanes.into()),
            ("SUMS_PER_BLOCK", sums_per_block.into()),
            ("WORKGROUP", self.workgroup.into()),
        ]
    }

    /// Returns the files for the slots `channels`, `workgroup_uniform` and `step`.
    pub(super) fn slots(&self) -> [(&'static str, &'static str); 3] {
        let channels = match self.lanes {
            1 => "conv/channels_vec4.wgsl",
            _ => "conv/channels_scalar.wgsl",
        };
        let [uniform, step] = uniform_slots(lanes_fill_workgroup(self.lanes, self.workgroup));
        [("channels", channels), uniform, step]
    }

    /// True if the tile is as wide as the plane, so that every row is read in full.
    pub(super) fn is_full_row(&self, shape: &ConvShape) -> bool {
        self.windows[1] == shape.windows()[1]
    }

    /// Returns the largest number of winner codes per word at which one thread still writes the whole word.
    pub fn argmax_per_word(&self, shape: &ConvShape) -> usize {
        let most = PoolArgmax::most_per_word(shape.window_size());
        [8, 4, 2].into_iter().find(|n| *n <= most && self.fills_words(shape, *n)).unwrap_or(1)
    }

    /// True if one thread writes all `per_word` codes of each word.
    pub(super) fn fills_words(&self, shape: &ConvShape, per_word: usize) -> bool {
        let [_, windows] = self.windows;
        windows.is_multiple_of(per_word) || (self.is_full_row(shape) && windows <= per_word)
    }

    /// Returns the grid: (tiles of all chunks, groups of the vectors of `channels`, members). If the first axis would
    /// exceed [`MOST_WORKGROUPS`], the excess is folded into the second axis.
    pub(super) fn grid(&self, shape: &ConvShape, channels: usize) -> [usize; 3] {
        let [t, m] = shape.windows();
        let tiles = shape.chunks * t.div_ceil(self.windows[0]) * m.div_ceil(self.windows[1]);
        assert!(tiles <= MOST_TILES, "{tiles} tiles of {shape:?}: `workgroup_uniform` knows numbers of 24 bits");
        let workgroups = (tiles * self.lanes).div_ceil(self.workgroup);
        let folds = workgroups.div_ceil(MOST_WORKGROUPS).max(1);
        let vectors = channels.div_ceil(self.channels_per_vector());
        let vector_groups = vectors.div_ceil(self.channel_vectors * self.lanes);
        [workgroups.div_ceil(folds), vector_groups * folds, shape.members]
    }
}

/// Checks that workgroups consist of whole rows of lanes and have at most 1024 threads.
pub(super) fn threads_fit(lanes: usize, workgroup: usize) -> std::result::Result<(), String> {
    if !lanes.is_power_of_two() || workgroup == 0 || workgroup > 1024 || !workgroup.is_multiple_of(lanes) {
        return Err(format!("{lanes} lanes in workgroups of {workgroup}"));
    }
    Ok(())
}

/// Checks that a compiler can keep `sums` accumulators of one thread in registers.
pub(super) fn registers_fit(sums: usize) -> std::result::Result<(), String> {
    if sums > MOST_SUMS { Err(format!("{sums} sums of one thread, {MOST_SUMS} at most")) } else { Ok(()) }
}

/// Largest number of accumulators per thread; beyond it, the size of the generated code explodes.
const MOST_SUMS: usize = 512;

/// Largest number of tiles that the shader can index (`MOST` in `tile.wgsl`); no adapter binds enough memory for more.
const MOST_TILES: usize = 0xff_ffff;
/// Largest number of workgroups along one axis that every adapter supports.
const MOST_WORKGROUPS: usize = 65_535;

/// Returns the file for the slot `store`. Four values are stored at a time if `together` (the neighbours that a thread
/// stores) and `across` (the row width) are multiples of four.
pub(super) fn store(together: usize, across: usize) -> &'static str {
    if together.is_multiple_of(4) && across.is_multiple_of(4) {
        "conv/store_vec4.wgsl"
    } else {
        "conv/store_scalar.wgsl"
    }
}

/// Weights of one layer for all members, packed for one direction: a range of a larger tensor.
#[derive(Clone)]
pub struct PackedWeights {
    /// Tensor that holds all layers.
    pub tensor: Tensor<f32>,
    /// Elements before this layer; a multiple of [`PackedWeights::ALIGNMENT`].
    pub first: usize,
    /// Size of one member in vec4s.
    pub stride: usize,
    /// Members of the population.
    pub members: usize,
    /// Buffer kind that the weights are bound as.
    pub binding: WeightBinding,
}

/// Buffer kind that packed weights are bound as. Software adapters load from uniform buffers far faster than from
/// storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WeightBinding {
    /// A storage buffer.
    Storage,
    /// One uniform buffer.
    Uniform,
    /// Two uniform buffers.
    TwoUniforms {
        /// Channels in the first buffer.
        channels: usize,
        /// Size of the first buffer in vec4s.
        size: usize,
    },
}

impl WeightBinding {
    /// Chooses the binding for `members` members of `stride` elements, with `channel` elements per channel. Returns one
    /// uniform buffer if all weights fit in it, otherwise two if `two_uniforms` is set, there is one member and each
    /// half fits, otherwise a storage buffer.
    pub(super) fn of(gpu: &Gpu, [stride, channel]: [usize; 2], members: usize, two_uniforms: bool) -> Self {
        let bindable = (gpu.adapter().limits.uniform_binding as usize).min(64 << 10);
        let channels = stride / channel / 2;
        let half = channels * channel;
        let two_uniforms = two_uniforms && members == 1 && half.is_multiple_of(PackedWeights::ALIGNMENT);
        match stride * 4 * members {
            bytes if bytes <= bindable => Self::Uniform,
            _ if two_uniforms && (stride - half) * 4 <= bindable => Self::TwoUniforms { channels, size: half / 4 },
            _ => Self::Storage,
        }
    }
}

impl PackedWeights {
    /// Selects the weights of `members` members in `tensor`, from element `first`. `sizes` holds the elements of one
    /// member and of one channel on the other side ([`ConvShape::forward_sizes`], [`ConvShape::backward_sizes`]). The
    /// binding is uniform where the adapter allows the size.
    pub fn new(gpu: &Gpu, tensor: &Tensor<f32>, first: usize, sizes: [usize; 2], members: usize) -> Self {
        let binding = WeightBinding::of(gpu, sizes, members, two_uniforms(gpu.class()));
        Self { tensor: tensor.clone(), first, stride: sizes[0] / 4, members, binding }
    }

    /// Alignment of a layer's first element, in elements: 256 bytes, the largest offset alignment of any adapter.
    pub const ALIGNMENT: usize = 64;

    /// Returns the file for the slot `weights`.
    pub(super) fn file(&self) -> &'static str {
        match self.binding {
            WeightBinding::Storage => "conv/weights_storage.wgsl",
            WeightBinding::Uniform => "conv/weights_uniform.wgsl",
            WeightBinding::TwoUniforms { .. } => "conv/weights_two_uniforms.wgsl",
        }
    }

    pub(super) fn constants(&self) -> Vec<(&'static str, Constant)> {
        let mut constants = vec![("PACKED", self.stride.into())];
        match self.binding {
            WeightBinding::Storage => {}
            WeightBinding::Uniform => constants.push(("PACKED_SIZE", (self.stride * self.members).into())),
            WeightBinding::TwoUniforms { channels, size } => constants.extend([
                ("CHANNELS_PER_BINDING", channels.into()),
                ("FIRST_SIZE", size.into()),
                ("SECOND_SIZE", (self.stride - size).into()),
            ]),
        }
        constants
    }

    pub(super) fn bindings(&self) -> Vec<(&'static str, Binding)> {
        let all = self.stride * self.members;
        let range = |from: usize, to: usize| self.tensor.range(self.first + from * 4, (to - from) * 4);
        match self.binding {
            WeightBinding::Storage | WeightBinding::Uniform => vec![("packed", range(0, all))],
            WeightBinding::TwoUniforms { size, .. } => {
                vec![("packed", range(0, size)), ("packed_second", range(size, all))]
            }
        }
    }
}

/// Returns seeded random gradients with winners below `window` and all three signs.
pub(super) fn random_window_grads(name: &str, shape: &[usize], window: usize) -> Vec<WindowGrad> {
    let mut stream = Key::new(2020).named(name).stream();
    let mut draw = |_| {
        let gradient = stream.normal() as f32;
        WindowGrad { gradient, ..WindowGrad::new(stream.below(window), stream.below(3) as u32) }
    };
    (0..shape.iter().product()).map(&mut draw).collect()
}

/// Returns cases with the shapes and tiles that both backward kernels are tested with; the flag selects a variant.
pub(super) fn backward_cases(prepare: fn(&Gpu, ConvShape, ConvTile, bool) -> Result<CaseRun>) -> Vec<Case> {
    let case = |name: &str, shape: ConvShape, tile: ConvTile, flag: bool| {
        case_of_lanes(Case::new(name, move |gpu| prepare(gpu, shape, tile, flag)), tile.lanes, tile.workgroup)
    };
    let alone = |windows: [usize; 2]| ConvTile { windows, channel_vectors: 1, lanes: 1, workgroup: 32 };
    let lanes =
        |windows: [usize; 2], channel_vectors, workgroup| ConvTile { windows, channel_vectors, lanes: 8, workgroup };
    let shape = ConvShape::new;
    vec![
        case("odd channels, two members", shape([2, 3, 5, 6, 8], 6, 3, [2, 2]), alone([1, 3]), true),
        case("a tile taller than the plane", shape([2, 2, 4, 5, 16], 9, 3, [1, 4]), alone([3, 1]), false),
        case("kernel 5, pool of two", shape([1, 2, 3, 5, 6], 6, 5, [1, 2]), alone([2, 2]), true),
        case("kernel 1, pool of eight", shape([1, 3, 9, 4, 8], 6, 1, [2, 4]), alone([1, 1]), false),
        case("lanes, whole rows", shape([2, 3, 11, 6, 16], 19, 3, [2, 2]), lanes([1, 8], 2, 8), true),
        case("lanes, whole rows of two windows", shape([2, 3, 3, 5, 4], 9, 3, [1, 2]), lanes([5, 2], 1, 8), false),
        case("lanes, half rows", shape([1, 2, 5, 6, 16], 19, 3, [2, 2]), lanes([1, 4], 2, 8), true),
        case("lanes, parts of rows", shape([1, 2, 9, 6, 24], 5, 3, [2, 2]), lanes([2, 8], 1, 16), true),
    ]
}

/// Expands the gradients of pool windows to the dense plane before the pool, `[member, chunk, out, time, mel]`.
pub(super) fn scatter_to_winners(shape: &ConvShape, window_grads: &[WindowGrad]) -> Vec<f64> {
    let [windows_t, windows_m] = shape.windows();
    let mut dense = vec![0.0; shape.members * shape.chunks * shape.outputs * shape.time * shape.mel];
    for (index, window_grad) in window_grads.iter().enumerate() {
        let (plane, t, m) = (index / (windows_t * windows_m), index / windows_m % windows_t, index % windows_m);
        let position = window_grad.position();
        let row = t * shape.pool[0] + position / shape.pool[1];
        let column = m * shape.pool[1] + position % shape.pool[1];
        dense[(plane * shape.time + row) * shape.mel + column] = f64::from(window_grad.gradient);
    }
    dense
}

/// Calls `visit(input position, output position, tap)` for every tap that stays inside the plane.
pub(super) fn for_each_tap(shape: &ConvShape, mut visit: impl FnMut(usize, usize, usize)) {
    let pad = shape.kernel / 2;
    for t in 0..shape.time {
        for m in 0..shape.mel {
            for tap in 0..shape.taps() {
                let (row, column) =
                    ((t + tap / shape.kernel).wrapping_sub(pad), (m + tap % shape.kernel).wrapping_sub(pad));
                if row < shape.time && column < shape.mel {
                    visit(row * shape.mel + column, t * shape.mel + m, tap);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ConvShape;

    #[test]
    fn the_layouts_do_not_overlap() {
        let shape = ConvShape::new([1, 1, 3, 4, 4], 5, 3, [2, 2]);
        let mut used = vec![false; shape.forward_quads() * 4];
        for output in 0..5 {
            used[shape.bias_at(output)] = true;
            for input in 0..3 {
                for tap in 0..9 {
                    assert!(!std::mem::replace(&mut used[shape.forward_at(output, input, tap)], true));
                }
            }
        }
        assert_eq!(used.iter().filter(|u| **u).count(), shape.parameters());
    }
}
