// No rounding.
fn rounded(x: f32) -> f32 {
    return x;
}
