// Features of a shard in f16, two in a word: the first in the lower half.
import package::lib::f16::f16_value;

@group(0) @binding(0) var<storage, read> shard: array<u32>; // [example, frames · bands / 2]

fn stored_quad(at: u32) -> vec4<f32> {
    let words = vec2<u32>(shard[2u * at], shard[2u * at + 1u]);
    let lower = vec2<f32>(f16_value(words.x), f16_value(words.y));
    let upper = vec2<f32>(f16_value(words.x >> 16u), f16_value(words.y >> 16u));
    return vec4<f32>(lower.x, upper.x, lower.y, upper.y);
}

fn stored_value(at: u32) -> f32 {
    return f16_value(shard[at / 2u] >> (16u * (at % 2u)));
}
