// The embedder E is trained together with the tagger G: the gradients of the embeddings are stored for it.
const HAS_GRAD_INPUT: bool = true;
@group(0) @binding(9) var<storage, read_write> grad_input: array<f32>; // [member, slot, dimension]

fn store_grad_input(at: u32, gradient: f32) {
    grad_input[at] = gradient;
}
