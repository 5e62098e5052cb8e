// Features of a shard in f32.
@group(0) @binding(0) var<storage, read> shard: array<f32>; // [example, frame, band]

fn stored_value(at: u32) -> f32 {
    return shard[at];
}
