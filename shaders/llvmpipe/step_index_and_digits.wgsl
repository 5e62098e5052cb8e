// The row, and the numbers from 0 to 15 to be looked up, in the 64 bytes that WebGPU allows: a number is what an entry leaves
// when divided by 16, and sixteenths of the first two entries are the lower 20 and the upper 12 bits of the row. WGSL has no
// arrays in immediates, but it has matrices.
struct StepIndex {
    numbers: mat4x4<f32>,
}
var<immediate> immediate_step: StepIndex;

fn step_index() -> u32 {
    return u32(immediate_step.numbers[0][0]) / 16u + u32(immediate_step.numbers[0][1]) / 16u * 0x100000u;
}

// `at`, which is below 16, out of the immediate.
fn hex_digit(at: u32) -> u32 {
    return u32(immediate_step.numbers[at / 4u][at % 4u]) % 16u;
}
