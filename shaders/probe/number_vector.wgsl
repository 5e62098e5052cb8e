// A chain of four values at once.
alias Number = vec4<f32>;

fn start(x: f32) -> Number {
    return vec4<f32>(x, x + 1.0, x + 2.0, x + 3.0);
}

fn number(x: f32) -> Number {
    return vec4<f32>(x);
}

fn total(x: Number) -> f32 {
    return x.x + x.y + x.z + x.w;
}
