// G learns alone: nobody asks for the gradients of the embeddings.
const HAS_GRAD_INPUT: bool = false;

fn store_grad_input(at: u32, gradient: f32) {}
