// The tagger G is trained alone: the gradients of the embeddings are not needed.
const HAS_GRAD_INPUT: bool = false;

fn store_grad_input(at: u32, gradient: f32) {}
