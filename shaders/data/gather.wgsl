// Copies the examples of a batch that are in this shard of the store into the members' inputs (SPEC 4).
import package::lib::step_index::step_index;
import slot::stored::stored_quad;

const MEMBERS: u32 = 1u;
const BATCH_SIZE: u32 = 4u; // examples of one member's batch
const EXAMPLE: u32 = 16u;   // vec4s of one example
const FIRST: u32 = 0u;      // first example of the shard
const COUNT: u32 = 3u;      // examples in the shard
const WORKGROUP: u32 = 64u;

@group(0) @binding(1) var<storage, read> batches: array<u32>;           // [step, member, slot]: positions in the store; those of other shards are skipped
@group(0) @binding(2) var<storage, read_write> input: array<vec4<f32>>; // [member, slot, frames · bands / 4]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    let slot = group.z * BATCH_SIZE + group.y;
    let example = batches[step_index() * MEMBERS * BATCH_SIZE + slot];
    if (id.x >= EXAMPLE || example < FIRST || example >= FIRST + COUNT) {
        return;
    }
    input[slot * EXAMPLE + id.x] = stored_quad((example - FIRST) * EXAMPLE + id.x);
}
