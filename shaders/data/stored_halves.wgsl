// Features of a shard in f16, two in a word: the first in the lower half.
@group(0) @binding(0) var<storage, read> shard: array<u32>; // [example, frames · bands / 2]

fn stored_quad(at: u32) -> vec4<f32> {
    return vec4<f32>(unpack2x16float(shard[2u * at]), unpack2x16float(shard[2u * at + 1u]));
}

fn stored_value(at: u32) -> f32 {
    return unpack2x16float(shard[at / 2u])[at % 2u];
}
