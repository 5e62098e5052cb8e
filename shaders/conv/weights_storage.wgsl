// Weights behind a storage binding: any size.
const PARTS: u32 = 1u;
const PART_CHANNELS: u32 = 0xffffu; // all
@group(0) @binding(1) var<storage, read> packed: array<vec4<f32>>; // [member, …] of one layer

fn packed_four(part: u32, at: u32) -> vec4<f32> {
    return packed[at];
}

fn packed_one(part: u32, at: u32) -> f32 {
    return packed[at / 4u][at % 4u];
}
