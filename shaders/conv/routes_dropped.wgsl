// Evaluation: no backward pass follows.
fn store_codes(at: u32, word: u32) {}
