// Values that a thread stores: four at a time, which takes llvmpipe little more than half of what four stores do.
const STORED: u32 = 4u;
alias Stored = vec4<f32>;

fn stored_of(values: array<f32, STORED>) -> Stored {
    return vec4<f32>(values[0], values[1], values[2], values[3]);
}
