// The way a gradient takes back through dropout, LeakyReLU and max-pool: the winner's place in its pool window, and
// what the winner's value was multiplied with. Only the winner carries gradient, so no mask and no pre-pool value is kept.
const DROPPED: u32 = 0u;
const POSITIVE: u32 = 1u;
const NEGATIVE: u32 = 2u;

struct Routed {
    gradient: f32, // at the winner, before LeakyReLU and dropout
    code: u32,     // winner's position in its window | sign << 8
}

fn route_code(position: u32, sign: u32) -> u32 {
    return position | (sign << 8u);
}

fn route_position(code: u32) -> u32 {
    return code & 0xffu;
}

fn route_factor(code: u32, slope: f32, scale: f32) -> f32 {
    let sign = code >> 8u;
    return select(select(scale, scale * slope, sign == NEGATIVE), 0.0, sign == DROPPED);
}
