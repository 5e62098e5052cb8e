// The embedding of a segment when every time step is scaled to unit length first (SPEC 2): the mean of the scaled steps
// over time, then over chunks. One workgroup for each segment.
import package::lib::sum::workgroup_sum;

const SEGMENTS: u32 = 2u; // of one member
const CHUNKS: u32 = 3u;   // of one segment
const CHANNELS: u32 = 5u;
const TIME: u32 = 2u;
const MEL: u32 = 2u;
const WORKGROUP: u32 = 64u;

const SIZE: u32 = MEL * CHANNELS;
const OWNED: u32 = (SIZE + WORKGROUP - 1u) / WORKGROUP; // coordinates of one invocation

@group(0) @binding(0) var<storage, read> pooled: array<f32>;          // [member, segment, chunk, channel, time, mel]
@group(0) @binding(1) var<storage, read_write> embedding: array<f32>; // [member, segment, mel · channel]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_index) local: u32, @builtin(workgroup_id) group: vec3<u32>) {
    let segment = group.z * SEGMENTS + group.x;
    var totals: array<f32, OWNED>;
    for (var chunk = 0u; chunk < CHUNKS; chunk++) {
        var steps: array<f32, OWNED>;
        for (var t = 0u; t < TIME; t++) {
            var values: array<f32, OWNED>;
            var squares = 0.0;
            for (var i = 0u; i < OWNED; i++) { // unroll
                let coordinate = i * WORKGROUP + local;
                if (coordinate < SIZE) {
                    let plane = (segment * CHUNKS + chunk) * CHANNELS + coordinate % CHANNELS;
                    values[i] = pooled[(plane * TIME + t) * MEL + coordinate / CHANNELS];
                    squares += values[i] * values[i];
                }
            }
            let length = max(sqrt(workgroup_sum(local, squares)), 1e-12);
            for (var i = 0u; i < OWNED; i++) { // unroll
                steps[i] += values[i] / length;
            }
        }
        for (var i = 0u; i < OWNED; i++) { // unroll
            totals[i] += steps[i];
        }
    }
    for (var i = 0u; i < OWNED; i++) { // unroll
        let coordinate = i * WORKGROUP + local;
        if (coordinate < SIZE) {
            embedding[segment * SIZE + coordinate] = totals[i] / f32(CHUNKS * TIME);
        }
    }
}
