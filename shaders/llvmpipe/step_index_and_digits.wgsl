// The step of the schedule that this dispatch computes, and the sixteen hexadecimal digits, in the 64 bytes of
// immediates that WebGPU allows. Each entry of the matrix is a digit plus 16 times a number: the lower 20 bits of the
// step in the first entry, the upper 12 bits in the second, 0 in all others. The digits are in a matrix, because WGSL
// has no arrays in immediates.
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
