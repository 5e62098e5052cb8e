// Dropout by a given mask, to compare with references: four lanes for each block; 1 keeps a value and 0 drops it.
import kernel::MEMBERS;

const DROPOUT_SCALE: f32 = 1.25; // 1 / (1 − p)

@group(0) @binding(8) var<storage, read> keep_mask: array<u32>; // [member, block, lane]

fn dropout_bits(member: u32, layer: u32, block: u32) -> vec2<u32> {
    let at = member * (arrayLength(&keep_mask) / MEMBERS) + block * 4u;
    return vec2<u32>(keep_mask[at] | (keep_mask[at + 1u] << 16u), keep_mask[at + 2u] | (keep_mask[at + 3u] << 16u));
}

fn dropout_keeps(bits: vec2<u32>, lane: u32) -> bool {
    let word = select(bits.x, bits.y, lane >= 2u);
    return ((word >> ((lane & 1u) * 16u)) & 0xffffu) != 0u;
}
