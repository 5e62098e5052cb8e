// Weights of one member behind two uniform bindings: up to 128 KiB. Which of them is known when compiling, since the
// channels of one are gone through before those of the other.
const PARTS: u32 = 2u;
const PART_CHANNELS: u32 = 1u; // channels of the first
const FIRST_SIZE: u32 = 64u;
const REST_SIZE: u32 = 64u;
@group(0) @binding(1) var<uniform> packed: array<vec4<f32>, FIRST_SIZE>;      // the first channels of one layer
@group(0) @binding(7) var<uniform> packed_rest: array<vec4<f32>, REST_SIZE>;  // the others

fn packed_four(part: u32, at: u32) -> vec4<f32> {
    if (part == 0u) {
        return packed[at];
    }
    return packed_rest[at - FIRST_SIZE];
}

fn packed_one(part: u32, at: u32) -> f32 {
    // Not by way of the four: three loads more.
    if (part == 0u) {
        return packed[at / 4u][at % 4u];
    }
    return packed_rest[at / 4u - FIRST_SIZE][at % 4u];
}
