// The end of an epoch: macro-F1 from the counts, whether it is the best so far, and whether to stop (SPEC 5). Deciding
// here lets the next epoch be queued before the host has seen this one.
const CLASSES: u32 = 4u;
const EPOCHS: u32 = 200u;
const MIN_EPOCHS: u32 = 50u;
const PATIENCE: u32 = 30u;

@group(0) @binding(0) var<storage, read_write> counts: array<u32>;    // [member, class, (tp, fp, fn)], cleared for the next epoch
@group(0) @binding(1) var<storage, read_write> members: array<Member>; // [member]

@compute @workgroup_size(1)
fn main(@builtin(workgroup_id) group: vec3<u32>) {
    let member = group.z;
    var sum = 0.0;
    for (var label = 0u; label < CLASSES; label++) {
        let at = (member * CLASSES + label) * 3u;
        let denominator = 2u * counts[at] + counts[at + 1u] + counts[at + 2u];
        if (denominator > 0u) {
            sum += f32(2u * counts[at]) / f32(denominator);
        }
        counts[at] = 0u;
        counts[at + 1u] = 0u;
        counts[at + 2u] = 0u;
    }
    if (members[member].alive == 0u) {
        members[member].improved = 0u;
        return;
    }
    let score = 100.0 * sum / f32(CLASSES);
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
