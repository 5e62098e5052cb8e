// Weights behind a storage binding: any size.
const WEIGHT_BINDINGS: u32 = 1u;
const CHANNELS_PER_BINDING: u32 = 0xffffu; // all
@group(0) @binding(1) var<storage, read> packed: array<vec4<f32>>; // [member, …] of one layer

fn weights_vec4(weight_binding: u32, at: u32) -> vec4<f32> {
    return packed[at];
}

fn weights_scalar(weight_binding: u32, at: u32) -> f32 {
    return packed[at / 4u][at % 4u];
}
