// The embedding of a segment (SPEC 2): the mean of the last layer over time steps, then over chunks. The mel positions
// and channels of a step become the coordinates of the embedding, index m · CHANNELS + c.
const SEGMENTS: u32 = 2u; // of one member
const CHUNKS: u32 = 3u;   // of one segment
const CHANNELS: u32 = 5u;
const TIME: u32 = 2u;
const MEL: u32 = 2u;
const WORKGROUP: u32 = 64u;

const SIZE: u32 = MEL * CHANNELS;

@group(0) @binding(0) var<storage, read> pooled: array<f32>;          // [member, segment, chunk, channel, time, mel]
@group(0) @binding(1) var<storage, read_write> embedding: array<f32>; // [member, segment, mel · channel]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    if (id.x >= SEGMENTS * SIZE) {
        return;
    }
    let segment = group.z * SEGMENTS + id.x / SIZE;
    let channel = id.x % SIZE % CHANNELS;
    let mel = id.x % SIZE / CHANNELS;
    // Sums of sums: the rounding error grows with the number of chunks plus the number of steps, not with their product.
    var total = 0.0;
    for (var chunk = 0u; chunk < CHUNKS; chunk++) {
        var steps = 0.0;
        for (var t = 0u; t < TIME; t++) {
            steps += pooled[(((segment * CHUNKS + chunk) * CHANNELS + channel) * TIME + t) * MEL + mel];
        }
        total += steps;
    }
    embedding[segment * SIZE + id.x % SIZE] = total / f32(CHUNKS * TIME);
}
