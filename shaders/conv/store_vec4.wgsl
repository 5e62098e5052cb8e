// Values that a thread stores: four at a time, which takes llvmpipe little more than half the time of four stores.
const STORE_WIDTH: u32 = 4u;
alias StoreVector = vec4<f32>;

fn store_vector(values: array<f32, STORE_WIDTH>) -> StoreVector {
    return vec4<f32>(values[0], values[1], values[2], values[3]);
}
