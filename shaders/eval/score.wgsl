// The end of an epoch: the score from the counts, whether it is the best so far, and whether to stop (SPEC 5). Deciding
// here lets the next epoch be queued before the host has seen this one.
import package::lib::member::Member;
import slot::criterion::criterion;

const CLASSES: u32 = 4u;
const EPOCHS: u32 = 200u;
const MIN_EPOCHS: u32 = 50u;
const PATIENCE: u32 = 30u;

@group(0) @binding(0) var<storage, read_write> counts: array<u32>;     // [member, class, (tp, fp, fn)], cleared for the next epoch
@group(0) @binding(1) var<storage, read_write> members: array<Member>; // [member]

@compute @workgroup_size(1)
fn main(@builtin(workgroup_id) group: vec3<u32>) {
    let member = group.z;
    let score = 100.0 * criterion(member);
    for (var i = 0u; i < CLASSES * 3u; i++) {
        counts[member * CLASSES * 3u + i] = 0u;
    }
    if (members[member].alive == 0u) {
        members[member].improved = 0u;
        return;
    }
    let epoch = members[member].epochs;
    let improved = score > members[member].best_score;
    members[member].score = score;
    members[member].improved = u32(improved);
    members[member].epochs = epoch + 1u;
    if (improved) {
        members[member].best_score = score;
        members[member].best_epoch = epoch;
    }
    let waited = epoch - members[member].best_epoch;
    if ((waited > PATIENCE && epoch > MIN_EPOCHS) || epoch + 1u >= EPOCHS) {
        members[member].alive = 0u;
    }
}
