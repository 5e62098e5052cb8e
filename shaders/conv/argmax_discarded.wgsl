// Evaluation: the winners of the pool windows are not kept, because no backward pass follows.
fn store_argmax(at: u32, word: u32) {}
