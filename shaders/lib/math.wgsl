// Natural logarithm and exponential to within 2 ulp on every adapter: the built-in ones may be off by thousands.

const LN2_HIGH: f32 = 0.693359375; // nine bits, so its products with an exponent are exact
const LN2_LOW: f32 = -2.1219444005e-4;    // ln 2 − LN2_HIGH

// ln x for a positive, normal, finite x; NaN for everything else, so that broken input stays visible.
fn ln_accurate(x: f32) -> f32 {
    // x = m·2^k with m in [√½, √2): the difference of the bits of 1 and √½ moves the exponent's step there.
    let bits = bitcast<u32>(x);
    let shifted = bits + (0x3f800000u - 0x3f3504f3u);
    let k = f32(i32(shifted >> 23u) - 127);
    let f = bitcast<f32>((shifted & 0x007fffffu) + 0x3f3504f3u) - 1.0;
    // ln(1 + f) = 2·atanh(s) = 2s + s·R; with 2s = f − s·f the quotient's rounding only touches a small term.
    let s = f / (2.0 + f);
    let z = s * s;
    let r = z * (0.6666666667 + z * (0.4 + z * (0.2857142857 + z * 0.2222222222)));
    let ln = k * LN2_HIGH + (f - (s * (f - r) - k * LN2_LOW));
    let normal = bits - 0x00800000u < 0x7f000000u;
    return select(bitcast<f32>(bits | 0x7fc00000u), ln, normal);
}

// ln(1 + x) for x ≥ 0 to within 3 ulp, also where 1 + x rounds to 1; NaN of NaN and of infinity.
fn ln_one_plus(x: f32) -> f32 {
    // Up to 1, 2·atanh(z) with z = x / (2 + x): nothing cancels. Beyond, what 1 + x loses is small beside the logarithm.
    let z = x / (2.0 + x);
    let s = z * z;
    let ln = 2.0 * z * (1.0 + s * (1.0 / 3.0 + s * (1.0 / 5.0 + s * (1.0 / 7.0 + s * (1.0 / 9.0 + s * (1.0 / 11.0 + s * (1.0 / 13.0 + s / 15.0)))))));
    return select(ln, ln_accurate(1.0 + x), x > 1.0);
}

// e^x: 0 below the smallest f32, infinite above the largest, NaN of NaN.
fn exp_accurate(x: f32) -> f32 {
    let clamped = clamp(x, -104.0, 89.0);
    let n = floor(clamped * 1.44269504089 + 0.5);
    let r = (clamped - n * LN2_HIGH) - n * LN2_LOW;
    let series = 1.0 / 2.0 + r * (1.0 / 6.0 + r * (1.0 / 24.0 + r * (1.0 / 120.0 + r * (1.0 / 720.0 + r / 5040.0))));
    let p = 1.0 + (r + r * r * series);
    // 2^n as two factors, each within the exponent's range.
    let low = i32(n) / 2;
    let high = i32(n) - low;
    let exp = p * bitcast<f32>(u32(low + 127) << 23u) * bitcast<f32>(u32(high + 127) << 23u);
    return select(exp, x, (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u);
}
