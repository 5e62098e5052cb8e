// G learns alone: nobody asks for the gradients of the embeddings.
const EMBEDDING_LEARNS: bool = false;

fn store_embedding_gradient(at: u32, gradient: f32) {}
