// Training: the winners' codes are kept for the backward pass.
@group(0) @binding(4) var<storage, read_write> codes: array<u32>; // [member, chunk, out, windows_t, word]

fn store_codes(at: u32, word: u32) {
    codes[at] = word;
}
