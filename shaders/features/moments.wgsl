// Mean and sum of squared deviations of every band of every example over its frames, or over
// those before the end of its clip; the host merges them in f64.
//
// Sums are taken of the differences from the first frame, so a constant band has exactly its value as mean and no
// deviation, and in blocks, so rounding grows with the length of a block and the number of blocks, not with their product.
import slot::frames::frames_of;

const FRAMES: u32 = 5u; // frames of an example in the store
const FIRST: u32 = 0u;  // first example of the shard
const BANDS: u32 = 64u;
const BLOCK: u32 = 32u;
const WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> features: array<f32>;            // [example, frame, band]
@group(0) @binding(1) var<storage, read_write> moments: array<vec2<f32>>; // [example, band]: mean, squared deviations

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let band = id.x;
    let example = id.y;
    if (band >= BANDS) {
        return;
    }
    let at = example * FRAMES * BANDS + band;
    let frames = frames_of(example);
    let origin = features[at];
    var sum = 0.0;
    for (var block = 0u; block < frames; block += BLOCK) {
        var partial = 0.0;
        for (var frame = block; frame < min(block + BLOCK, frames); frame++) {
            partial += features[at + frame * BANDS] - origin;
        }
        sum += partial;
    }
    let mean = origin + sum / f32(frames);
    var squares = 0.0;
    for (var block = 0u; block < frames; block += BLOCK) {
        var partial = 0.0;
        for (var frame = block; frame < min(block + BLOCK, frames); frame++) {
            let deviation = features[at + frame * BANDS] - mean;
            partial += deviation * deviation;
        }
        squares += partial;
    }
    moments[example * BANDS + band] = vec2<f32>(mean, squares);
}
