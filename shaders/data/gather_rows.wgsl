// Copies the rows of a batch out of every member's own store (SPEC 4.4).
import package::lib::row::row_index;

const MEMBERS: u32 = 1u;
const SLOTS: u32 = 4u;      // rows of one member's batch
const EXAMPLES: u32 = 9u;   // rows of one member's store
const DIMENSIONS: u32 = 6u;
const WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> stored: array<f32>;      // [member, example, dimension]
@group(0) @binding(1) var<storage, read> batches: array<u32>;     // [row, member, slot]
@group(0) @binding(2) var<storage, read_write> input: array<f32>; // [member, slot, dimension]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    if (id.x >= SLOTS * DIMENSIONS) {
        return;
    }
    let slot = group.z * SLOTS + id.x / DIMENSIONS;
    let example = group.z * EXAMPLES + batches[row_index() * MEMBERS * SLOTS + slot];
    input[slot * DIMENSIONS + id.x % DIMENSIONS] = stored[example * DIMENSIONS + id.x % DIMENSIONS];
}
