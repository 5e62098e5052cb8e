// No dropout: every value is kept as it is.
const DROPOUT_SCALE: f32 = 1.0;

fn dropout_bits(member: u32, layer: u32, block: u32) -> vec2<u32> {
    return vec2<u32>(0u);
}

fn dropout_keeps(bits: vec2<u32>, lane: u32) -> bool {
    return true;
}
