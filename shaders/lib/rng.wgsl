// Threefry2x32 with 20 rounds, the same function as src/base/counter_rng.rs: 64 random bits from a key and a counter.
fn threefry_round(x: vec2<u32>, rotation: u32) -> vec2<u32> {
    let first = x.x + x.y;
    return vec2<u32>(first, ((x.y << rotation) | (x.y >> (32u - rotation))) ^ first);
}

fn threefry2x32(key: vec2<u32>, counter: vec2<u32>) -> vec2<u32> {
    let parity = 0x1BD11BDAu ^ key.x ^ key.y;
    var x = counter + key;
    x = threefry_round(threefry_round(threefry_round(threefry_round(x, 13u), 15u), 26u), 6u);
    x += vec2<u32>(key.y, parity + 1u);
    x = threefry_round(threefry_round(threefry_round(threefry_round(x, 17u), 29u), 16u), 24u);
    x += vec2<u32>(parity, key.x + 2u);
    x = threefry_round(threefry_round(threefry_round(threefry_round(x, 13u), 15u), 26u), 6u);
    x += vec2<u32>(key.x, key.y + 3u);
    x = threefry_round(threefry_round(threefry_round(threefry_round(x, 17u), 29u), 16u), 24u);
    x += vec2<u32>(key.y, parity + 4u);
    x = threefry_round(threefry_round(threefry_round(threefry_round(x, 13u), 15u), 26u), 6u);
    x += vec2<u32>(parity, key.x + 5u);
    return x;
}
