// Weights behind a uniform binding: up to 64 KiB, and far cheaper to load on software adapters.
const WEIGHT_BINDINGS: u32 = 1u;
const CHANNELS_PER_BINDING: u32 = 0xffffu; // all
const PACKED_SIZE: u32 = 64u;
@group(0) @binding(1) var<uniform> packed: array<vec4<f32>, PACKED_SIZE>; // [member, …] of one layer

fn weights_vec4(weight_binding: u32, at: u32) -> vec4<f32> {
    return packed[at];
}

fn weights_scalar(weight_binding: u32, at: u32) -> f32 {
    return packed[at / 4u][at % 4u];
}
