// Mean hinge over triplets, and its gradient with respect to every distance (SPEC 4.2, the paper's equation 2). One
// workgroup for each member. An invocation owns whole rows of the matrix, so triplets that share a pair add up in order.
import package::lib::sum::workgroup_sum;
import package::lib::step_index::step_index;

const MEMBERS: u32 = 1u;
const BATCH_SIZE: u32 = 9u; // examples of one member's batch
const TRIPLETS: u32 = 3u;   // of one member
const MARGIN: f32 = 0.5;
const WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> distances: array<f32>;        // [member, slot, slot]
@group(0) @binding(1) var<storage, read> triplets: array<u32>;         // [member, triplet, (anchor, positive, negative)]
@group(0) @binding(2) var<storage, read_write> grad_input: array<f32>; // [member, slot, slot]
@group(0) @binding(3) var<storage, read_write> losses: array<f32>;     // [step, member]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_index) local: u32, @builtin(workgroup_id) group: vec3<u32>) {
    let member = group.z;
    var sum = 0.0;
    for (var slot = local; slot < BATCH_SIZE; slot += WORKGROUP) {
        let from_anchor = (member * BATCH_SIZE + slot) * BATCH_SIZE;
        for (var other = 0u; other < BATCH_SIZE; other++) {
            grad_input[from_anchor + other] = 0.0;
        }
        for (var triplet = 0u; triplet < TRIPLETS; triplet++) {
            let at = (member * TRIPLETS + triplet) * 3u;
            if (triplets[at] == slot) {
                let positive = from_anchor + triplets[at + 1u];
                let negative = from_anchor + triplets[at + 2u];
                let hinge = distances[positive] - distances[negative] + MARGIN;
                if (hinge > 0.0) {
                    sum += hinge;
                    grad_input[positive] += 1.0 / f32(TRIPLETS);
                    grad_input[negative] -= 1.0 / f32(TRIPLETS);
                }
            }
        }
    }
    let total = workgroup_sum(local, sum);
    if (local == 0u) {
        losses[step_index() * MEMBERS + member] = total / f32(TRIPLETS);
    }
}
