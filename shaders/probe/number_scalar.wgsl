// A chain of single values.
alias Number = f32;

fn start(x: f32) -> Number {
    return x;
}

fn number(x: f32) -> Number {
    return x;
}

fn total(x: Number) -> f32 {
    return x;
}
