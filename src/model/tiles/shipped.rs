//! Shipped register tiles of the convolution kernels for each class of device, used where no tile was measured.
//!
//! On software adapters a load costs as much as tens of multiply-adds, so tiles are as large as compile time and the
//! instruction cache allow. On GPUs tiles are small enough to keep many threads resident. On llvmpipe a value that
//! eight channels share is far cheaper to load than eight values. Neighbouring threads therefore compute neighbouring
//! channels there, and a tile consists of whole rows, except in the first layer's forward pass.

use crate::gpu::DeviceClass;
use crate::kernels::conv::{ConvShape, ConvTile};
use crate::kernels::conv_weight_grad::WeightTile;

/// Elements of one of llvmpipe's vectors.
const LANES: usize = 8;
/// Positions of a tile of whole rows.
const POSITIONS: usize = 128;
/// Largest number of sums of a thread over all its channels; more sums cost more compile time than they save.
const SUMS: usize = 160;

/// Largest number of inputs over all channels that a thread loads for the gradients of weights.
const LOADED: usize = 160;

/// Returns the tile of the forward pass.
pub fn forward(class: DeviceClass, shape: &ConvShape) -> ConvTile {
    if class == DeviceClass::Llvmpipe {
        return blocks(shape).unwrap_or_else(|| whole_rows(shape, shape.outputs));
    }
    let channel_vectors = if shape.pool[0] > 1 { 2 } else { 1 };
    ConvTile { channel_vectors: channel_vectors.min(shape.outputs.div_ceil(4)), ..alone(class, shape) }
}

/// Returns the tile of the gradient of the input.
pub fn input_grad(class: DeviceClass, shape: &ConvShape) -> ConvTile {
    if class == DeviceClass::Llvmpipe {
        return whole_rows(shape, shape.inputs);
    }
    let tile = alone(class, shape);
    // A small tile leaves room for more channels per load.
    let channel_vectors = if class == DeviceClass::Cpu && tile.positions(shape) <= 8 { 2 } else { 1 };
    ConvTile { channel_vectors: channel_vectors.min(shape.inputs.div_ceil(4)), ..tile }
}

/// Returns the tile of the gradients of weights and biases.
pub fn weight_grad(class: DeviceClass, shape: &ConvShape) -> WeightTile {
    let window = shape.pool[0] * shape.pool[1];
    if class == DeviceClass::Llvmpipe {
        // A gradient costs one load per lane, an input one load for all lanes. The tile has enough gradients and inputs
        // to reuse each load, and its code still fits the instruction cache.
        let positions = if shape.inputs == 1 { 32 } else { 16 };
        let windows = (positions / window).clamp(1, shape.windows()[1]);
        let near = (shape.pool[0] + shape.kernel - 1) * (windows * shape.pool[1] + shape.kernel - 1);
        let inputs = (1 << (LOADED / near).max(1).ilog2()).min(shape.inputs);
        let outputs = shape.outputs.div_ceil(LANES).min(2);
        return WeightTile { windows, inputs, outputs, lanes: LANES, workgroup: LANES };
    }
    // A larger tile's code of loads and sums would not fit the instruction cache.
    let inputs = if class == DeviceClass::Cpu && window <= 4 { 2 } else { 1 };
    let windows = (4 / window).clamp(1, shape.windows()[1]);
    let [inputs, outputs] = [inputs.min(shape.inputs), shape.outputs.min(4)];
    WeightTile { windows, inputs, outputs, lanes: 1, workgroup: 32 }
}

/// Returns the number of partial sums for the gradients of a layer: enough threads for the device, and at least one
/// strip for each sum.
pub fn splits(class: DeviceClass, shape: &ConvShape, tile: &WeightTile) -> usize {
    // `adam` adds up all partial sums, so there are no more than keep a software adapter's cores evenly busy.
    let threads: usize = match class {
        DeviceClass::Llvmpipe => 256,
        DeviceClass::Cpu => 512,
        DeviceClass::Integrated | DeviceClass::Discrete => 16_384,
    };
    threads.div_ceil(tile.threads_per_split(shape)).clamp(1, tile.strips(shape))
}

/// Returns a tile of whole rows of the plane, or of parts of rows if the plane is very wide. The thread computes
/// several of the `channels` channels to reuse its loads, but only a number that leaves no thread without work.
fn whole_rows(shape: &ConvShape, channels: usize) -> ConvTile {
    let [time, mel] = shape.windows();
    let window = shape.pool[0] * shape.pool[1];
    let wide = (POSITIONS / window).clamp(1, mel);
    // Without a pool over time, the halo rows of a tile cost more than the tile itself, so the tile takes the whole
    // column.
    let high = if shape.pool[0] == 1 { (POSITIONS / (wide * window)).clamp(1, time) } else { 1 };
    let tile = ConvTile { windows: [high, wide], channel_vectors: 1, lanes: LANES, workgroup: LANES };
    let groups = channels.div_ceil(LANES);
    let most = (SUMS / tile.positions(shape)).clamp(1, groups);
    let channel_vectors = (1..=most).rev().find(|n| groups.is_multiple_of(*n)).unwrap_or(1);
    ConvTile { channel_vectors, ..tile }
}

/// Returns a tile of two rows over a part of the plane's width, for a layer with one input, or `None` where the plane
/// cannot be divided like that. Such a layer computes few sums for each value loaded: more channels share the loads,
/// and the halo around a tile of two rows is smaller than that around a single long row.
fn blocks(shape: &ConvShape) -> Option<ConvTile> {
    let [time, mel] = shape.windows();
    let wide = (POSITIONS / 4 / (shape.pool[0] * shape.pool[1])).clamp(1, mel);
    let is_cut = shape.inputs == 1 && shape.pool[0] > 1 && time > 1 && mel.is_multiple_of(wide);
    let channel_vectors = shape.outputs.div_ceil(LANES).min(2);
    is_cut.then_some(ConvTile { windows: [2, wide], channel_vectors, lanes: LANES, workgroup: LANES })
}

/// Returns a tile for devices whose neighbouring threads compute neighbouring windows.
fn alone(class: DeviceClass, shape: &ConvShape) -> ConvTile {
    let [time, mel] = shape.windows();
    let wide = |positions: usize| (positions / (shape.pool[0] * shape.pool[1])).clamp(1, mel);
    let windows = match class {
        DeviceClass::Cpu if shape.pool[0] == 1 => [time.min(5), wide(4)],
        DeviceClass::Cpu => [1, wide(8)],
        _ => [1, wide(4)],
    };
    ConvTile { windows, channel_vectors: 1, lanes: 1, workgroup: if class == DeviceClass::Cpu { 32 } else { 64 } }
}
