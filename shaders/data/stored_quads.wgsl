// Features of a shard in f32, read four at a time.
@group(0) @binding(0) var<storage, read> shard: array<vec4<f32>>; // [example, frames · bands / 4]

fn stored_quad(at: u32) -> vec4<f32> {
    return shard[at];
}
