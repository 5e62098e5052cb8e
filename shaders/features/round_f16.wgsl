// Rounding to the nearest number of f16, ties to even. Numbers below 2^-14, the subnormal ones of f16, become 0 or
// ±2^-14, because drivers may flush subnormal numbers; larger ones than f16 has become its largest.
fn rounded(x: f32) -> f32 {
    let limited = clamp(x, -65504.0, 65504.0);
    let bits = bitcast<u32>(limited);
    let normal = bitcast<f32>((bits + 0xfffu + ((bits >> 13u) & 1u)) & 0xffffe000u);
    return select(normal, round(limited * 16384.0) * (1.0 / 16384.0), abs(limited) < 1.0 / 16384.0);
}
