// Copies the rows of a batch out of every member's own store (SPEC 4.4).
import package::lib::step_index::step_index;

const MEMBERS: u32 = 1u;
const BATCH_SIZE: u32 = 4u; // rows of one member's batch
const EXAMPLES: u32 = 9u;   // rows of one member's store
const DIMENSIONS: u32 = 6u;
const WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> stored: array<f32>;      // [member, example, dimension]
@group(0) @binding(1) var<storage, read> batches: array<u32>;     // [step, member, slot]
@group(0) @binding(2) var<storage, read_write> input: array<f32>; // [member, slot, dimension]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    if (id.x >= BATCH_SIZE * DIMENSIONS) {
        return;
    }
    let slot = group.z * BATCH_SIZE + id.x / DIMENSIONS;
    let example = group.z * EXAMPLES + batches[step_index() * MEMBERS * BATCH_SIZE + slot];
    input[slot * DIMENSIONS + id.x % DIMENSIONS] = stored[example * DIMENSIONS + id.x % DIMENSIONS];
}
