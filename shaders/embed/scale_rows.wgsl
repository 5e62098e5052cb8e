// Multiplies the rows of a batch by (all chunks) / (real chunks). A mean over all chunks, in which those of the padding
// are zero, becomes the mean over the real chunks; and the gradient of that mean likewise.
import package::lib::padding::{real_chunks, CHUNKS};

const BATCH_SIZE: u32 = 2u; // rows of one member's batch
const DIMENSIONS: u32 = 6u;
const WORKGROUP: u32 = 64u;

@group(0) @binding(2) var<storage, read_write> rows: array<f32>; // [member, slot, dimension]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    if (id.x >= BATCH_SIZE * DIMENSIONS) {
        return;
    }
    let slot = group.z * BATCH_SIZE + id.x / DIMENSIONS;
    rows[slot * DIMENSIONS + id.x % DIMENSIONS] *= f32(CHUNKS) / f32(real_chunks(slot));
}
