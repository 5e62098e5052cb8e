// Evaluation: no backward pass follows.
fn store_argmax(at: u32, word: u32) {}
