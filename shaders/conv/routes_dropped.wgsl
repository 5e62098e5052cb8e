// Evaluation: no backward pass follows.
fn store_route(at: u32, code: u32) {}
