// Weights of one member behind two uniform bindings: up to 128 KiB. The binding is known when compiling, since all
// channels of the first come before those of the second.
const WEIGHT_BINDINGS: u32 = 2u;
const CHANNELS_PER_BINDING: u32 = 1u; // channels of the first
const FIRST_SIZE: u32 = 64u;
const SECOND_SIZE: u32 = 64u;
@group(0) @binding(1) var<uniform> packed: array<vec4<f32>, FIRST_SIZE>;         // the first channels of one layer
@group(0) @binding(7) var<uniform> packed_second: array<vec4<f32>, SECOND_SIZE>; // the other channels

fn weights_vec4(weight_binding: u32, at: u32) -> vec4<f32> {
    if (weight_binding == 0u) {
        return packed[at];
    }
    return packed_second[at - FIRST_SIZE];
}

fn weights_scalar(weight_binding: u32, at: u32) -> f32 {
    // Not by way of the four: three loads more.
    if (weight_binding == 0u) {
        return packed[at / 4u][at % 4u];
    }
    return packed_second[at / 4u - FIRST_SIZE][at % 4u];
}
