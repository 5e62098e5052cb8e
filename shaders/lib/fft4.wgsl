// The FFT of four points, and the modulus of a complex number.

fn modulus(z: vec2<f32>) -> f32 {
    return sqrt(z.x * z.x + z.y * z.y);
}

struct Four {
    a: vec2<f32>,
    b: vec2<f32>,
    c: vec2<f32>,
    d: vec2<f32>,
}

fn fft4(a: vec2<f32>, b: vec2<f32>, c: vec2<f32>, d: vec2<f32>) -> Four {
    let even_sum = a + c;
    let even_difference = a - c;
    let odd_sum = b + d;
    let odd_difference = vec2<f32>(b.y - d.y, d.x - b.x); // −i (b − d)
    return Four(even_sum + odd_sum, even_difference + odd_difference, even_sum - odd_sum, even_difference - odd_difference);
}
