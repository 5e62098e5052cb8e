// Weights behind a uniform binding: up to 64 KiB, and far cheaper to load on software adapters.
const PARTS: u32 = 1u;
const PART_CHANNELS: u32 = 0xffffu; // all
const PACKED_SIZE: u32 = 64u;
@group(0) @binding(1) var<uniform> packed: array<vec4<f32>, PACKED_SIZE>; // [member, …] of one layer

fn packed_four(part: u32, at: u32) -> vec4<f32> {
    return packed[at];
}

fn packed_one(part: u32, at: u32) -> f32 {
    return packed[at / 4u][at % 4u];
}
