// Values that a thread stores: one at a time.
const STORE_WIDTH: u32 = 1u;
alias StoreVector = f32;

fn store_vector(values: array<f32, STORE_WIDTH>) -> StoreVector {
    return values[0];
}
