// E learns with G: gradients of the embeddings go on to it.
const EMBEDDING_LEARNS: bool = true;
@group(0) @binding(9) var<storage, read_write> d_embedding: array<f32>; // [member, slot, dimension]

fn store_embedding_gradient(at: u32, gradient: f32) {
    d_embedding[at] = gradient;
}
