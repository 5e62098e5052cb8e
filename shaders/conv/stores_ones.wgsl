// Values that a thread stores: one at a time.
const STORED: u32 = 1u;
alias Stored = f32;

fn stored_of(values: array<f32, STORED>) -> Stored {
    return values[0];
}
