//! Which register tile each convolution kernel gets on which class of device where none was measured.
//!
//! On software adapters a load costs as much as tens of multiply-adds, so tiles are as large as compile time and the
//! instruction cache allow; on GPUs they are small enough to keep many threads resident. On llvmpipe a value that eight
//! channels share is far cheaper to load than eight values: threads stand side by side over channels there, and a tile is
//! whole rows wide, but for the first layer's forward pass.

use crate::gpu::DeviceClass;
use crate::kernels::conv::{ConvShape, ConvTile};
use crate::kernels::conv_weight_grad::WeightTile;

/// Values in one of llvmpipe's vectors.
const LANES: usize = 8;
/// Positions of a tile over whole rows.
const POSITIONS: usize = 128;
/// Sums of a thread, all its channels; more take longer to compile than they give.
const SUMS: usize = 160;

/// Inputs that a thread loads for the gradients of weights, all their channels.
const LOADED: usize = 160;

/// Tile of the forward pass.
pub fn forward(class: DeviceClass, shape: &ConvShape) -> ConvTile {
    if class == DeviceClass::Llvmpipe {
        return blocks(shape).unwrap_or_else(|| whole_rows(shape, shape.outputs));
    }
    let units = if shape.pool[0] > 1 { 2 } else { 1 };
    ConvTile { units: units.min(shape.outputs.div_ceil(4)), ..alone(class, shape) }
}

/// Tile of the gradient of the input.
pub fn input_grad(class: DeviceClass, shape: &ConvShape) -> ConvTile {
    if class == DeviceClass::Llvmpipe {
        return whole_rows(shape, shape.inputs);
    }
    let tile = alone(class, shape);
    // More channels for each load, as long as the tile is small.
    let units = if class == DeviceClass::Cpu && positions(&tile, shape) <= 8 { 2 } else { 1 };
    ConvTile { units: units.min(shape.inputs.div_ceil(4)), ..tile }
}

/// Tile of the gradients of weights and biases.
pub fn weight_grad(class: DeviceClass, shape: &ConvShape) -> WeightTile {
    let window = shape.pool[0] * shape.pool[1];
    if class == DeviceClass::Llvmpipe {
        // Gradients cost a load for each lane, inputs one for all of them: a tile has enough of both for each other, and
        // its code still fits the instruction cache.
        let positions = if shape.inputs == 1 { 32 } else { 16 };
        let windows = (positions / window).clamp(1, shape.windows()[1]);
        let near = (shape.pool[0] + shape.kernel - 1) * (windows * shape.pool[1] + shape.kernel - 1);
        let inputs = (1 << (LOADED / near).max(1).ilog2()).min(shape.inputs);
        let outputs = shape.outputs.div_ceil(LANES).min(2);
        return WeightTile { windows, inputs, outputs, lanes: LANES, workgroup: LANES };
    }
    // Not larger: the code of a tile's loads and sums has to stay in the instruction cache.
    let inputs = if class == DeviceClass::Cpu && window <= 4 { 2 } else { 1 };
    let windows = (4 / window).clamp(1, shape.windows()[1]);
    let [inputs, outputs] = [inputs.min(shape.inputs), shape.outputs.min(4)];
    WeightTile { windows, inputs, outputs, lanes: 1, workgroup: 32 }
}

/// Partial sums that the gradients of a layer are split into: enough threads for the device, none without a strip.
pub fn splits(class: DeviceClass, shape: &ConvShape, tile: &WeightTile) -> usize {
    // Every slice is added up by `adam`, so no more than keep a software adapter's cores evenly busy.
    let threads: usize = match class {
        DeviceClass::Llvmpipe => 256,
        DeviceClass::Cpu => 512,
        DeviceClass::Integrated | DeviceClass::Discrete => 16_384,
    };
    threads.div_ceil(tile.threads_per_split(shape)).clamp(1, tile.strips(shape))
}

fn positions(tile: &ConvTile, shape: &ConvShape) -> usize {
    tile.windows[0] * tile.windows[1] * shape.pool[0] * shape.pool[1]
}

/// Rows as wide as the plane, as many as make a tile; of a very wide plane, a part. What is loaded serves several of
/// `channels` channels, as many as leave no thread without work.
fn whole_rows(shape: &ConvShape, channels: usize) -> ConvTile {
    let [time, mel] = shape.windows();
    let window = shape.pool[0] * shape.pool[1];
    let wide = (POSITIONS / window).clamp(1, mel);
    // Without a pool over time, the rows around a tile cost more than the tile: take the whole column.
    let high = if shape.pool[0] == 1 { (POSITIONS / (wide * window)).clamp(1, time) } else { 1 };
    let tile = ConvTile { windows: [high, wide], units: 1, lanes: LANES, workgroup: LANES };
    let groups = channels.div_ceil(LANES);
    let most = (SUMS / positions(&tile, shape)).clamp(1, groups);
    let units = (1..=most).rev().find(|units| groups.is_multiple_of(*units)).unwrap_or(1);
    ConvTile { units, ..tile }
}

/// Two rows of a part of the plane for a layer of one input, which has few sums for what it loads: more channels share it, and
/// what lies around a tile is less than around a row. Where the plane can be cut like that.
fn blocks(shape: &ConvShape) -> Option<ConvTile> {
    let [time, mel] = shape.windows();
    let wide = (POSITIONS / 4 / (shape.pool[0] * shape.pool[1])).clamp(1, mel);
    let is_cut = shape.inputs == 1 && shape.pool[0] > 1 && time > 1 && mel.is_multiple_of(wide);
    let units = shape.outputs.div_ceil(LANES).min(2);
    is_cut.then_some(ConvTile { windows: [2, wide], units, lanes: LANES, workgroup: LANES })
}

/// Threads side by side over windows.
fn alone(class: DeviceClass, shape: &ConvShape) -> ConvTile {
    let [time, mel] = shape.windows();
    let wide = |positions: usize| (positions / (shape.pool[0] * shape.pool[1])).clamp(1, mel);
    let windows = match class {
        DeviceClass::Cpu if shape.pool[0] == 1 => [time.min(5), wide(4)],
        DeviceClass::Cpu => [1, wide(8)],
        _ => [1, wide(4)],
    };
    ConvTile { windows, units: 1, lanes: 1, workgroup: if class == DeviceClass::Cpu { 32 } else { 64 } }
}
