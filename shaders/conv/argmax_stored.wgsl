// Training: the winners of the pool windows are kept for the backward pass.
@group(0) @binding(4) var<storage, read_write> pool_argmax: array<u32>; // [member, chunk, out, windows_t, word]

fn store_argmax(at: u32, word: u32) {
    pool_argmax[at] = word;
}
