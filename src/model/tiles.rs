//! Which register tile each convolution kernel gets on which class of device.
//!
//! On software adapters a load costs as much as tens of multiply-adds, so tiles are as large as compile time allows; on
//! GPUs they are small enough to keep many threads resident.

use crate::gpu::DeviceClass;
use crate::kernels::conv::{ConvShape, ConvTile};
use crate::kernels::conv_weight_grad::WeightTile;

/// Tile of the forward pass.
pub fn forward(class: DeviceClass, shape: &ConvShape) -> ConvTile {
    let quads = if shape.pool[0] > 1 { 2 } else { 1 };
    ConvTile {
        windows: windows(class, shape),
        quads: quads.min(shape.outputs.div_ceil(4)),
        workgroup: workgroup(class),
    }
}

/// Tile of the gradient of the input.
pub fn input_grad(class: DeviceClass, shape: &ConvShape) -> ConvTile {
    let windows = windows(class, shape);
    // More channels for each load, as long as the tile is small.
    let positions = windows[0] * windows[1] * shape.pool[0] * shape.pool[1];
    let quads = if class == DeviceClass::Cpu && positions <= 8 { 2 } else { 1 };
    ConvTile { windows, quads: quads.min(shape.inputs.div_ceil(4)), workgroup: workgroup(class) }
}

/// Tile of the gradients of weights and biases.
pub fn weight_grad(class: DeviceClass, shape: &ConvShape) -> WeightTile {
    let window = shape.pool[0] * shape.pool[1];
    // Not larger: the code of a tile's loads and sums has to stay in the instruction cache.
    let inputs = if class == DeviceClass::Cpu && window <= 4 { 2 } else { 1 };
    let windows = (4 / window).clamp(1, shape.windows()[1]);
    WeightTile { windows, inputs: inputs.min(shape.inputs), outputs: shape.outputs.min(4), workgroup: 32 }
}

/// Partial sums that the gradients of a layer are split into: enough threads for the device, none without a strip.
pub fn slices(class: DeviceClass, shape: &ConvShape, tile: &WeightTile) -> usize {
    let threads: usize = if class == DeviceClass::Cpu { 512 } else { 16_384 };
    threads.div_ceil(tile.threads_per_slice(shape)).clamp(1, tile.strips(shape))
}

fn windows(class: DeviceClass, shape: &ConvShape) -> [usize; 2] {
    let [time, mel] = shape.windows();
    let wide = |positions: usize| (positions / (shape.pool[0] * shape.pool[1])).clamp(1, mel);
    match class {
        // Without a pool over time, the rows around a tile cost more than the tile: take the whole column.
        DeviceClass::Cpu if shape.pool[0] == 1 => [time.min(5), wide(4)],
        DeviceClass::Cpu => [1, wide(8)],
        _ => [1, wide(4)],
    }
}

fn workgroup(class: DeviceClass) -> usize {
    if class == DeviceClass::Cpu { 32 } else { 64 }
}
