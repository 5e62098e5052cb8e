// The negative of every triplet, chosen by its distance from the anchor among the examples of the batch that have
// another class (SPEC 4.2). The file in slot `mining` says which of two candidates is better; of equal ones the first
// in the batch wins.
import package::lib::step_index::step_index;
import slot::mining::better;

const MEMBERS: u32 = 1u;
const BATCH_SIZE: u32 = 8u; // examples of one member's batch
const TRIPLETS: u32 = 4u;   // of one member
const WORKGROUP: u32 = 64u;

const NOWHERE: u32 = 0xffffffffu;

@group(0) @binding(0) var<storage, read> distances: array<f32>;      // [member, slot, slot]
@group(0) @binding(1) var<storage, read> labels: array<u32>;         // [example]
@group(0) @binding(2) var<storage, read> batches: array<u32>;        // [step, member, slot]
@group(0) @binding(3) var<storage, read_write> triplets: array<u32>; // [member, triplet, (anchor, positive, negative)]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    if (id.x >= TRIPLETS) {
        return;
    }
    let at = (group.z * TRIPLETS + id.x) * 3u;
    let batch = (step_index() * MEMBERS + group.z) * BATCH_SIZE;
    let from_anchor = (group.z * BATCH_SIZE + triplets[at]) * BATCH_SIZE;
    let label = labels[batches[batch + triplets[at]]];
    let positive = distances[from_anchor + triplets[at + 1u]];
    var best = NOWHERE;
    for (var slot = 0u; slot < BATCH_SIZE; slot++) {
        if (labels[batches[batch + slot]] != label) {
            if (best == NOWHERE || better(distances[from_anchor + slot], distances[from_anchor + best], positive)) {
                best = slot;
            }
        }
    }
    triplets[at + 2u] = best;
}
