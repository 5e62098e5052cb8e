// Numbers of f16 in the lower half of a word, as in IEEE 754: only zeros and normal numbers, which is what features are
// rounded to. Integers do the conversion, since WGSL's own functions for it are a feature that a driver may lack.
fn f16_bits(x: f32) -> u32 {
    let bits = bitcast<u32>(x);
    let magnitude = bits & 0x7fffffffu;
    // The exponents of f32 and f16 differ by 112 in their bias, and the mantissas by 13 digits in their length.
    return ((bits >> 16u) & 0x8000u) | select((magnitude - 0x38000000u) >> 13u, 0u, magnitude == 0u);
}

fn f16_value(bits: u32) -> f32 {
    let magnitude = bits & 0x7fffu;
    return bitcast<f32>(((bits & 0x8000u) << 16u) | select((magnitude << 13u) + 0x38000000u, 0u, magnitude == 0u));
}
