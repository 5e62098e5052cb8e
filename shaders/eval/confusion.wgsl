// Counts true positives, false positives and false negatives of every class (SPEC 5), added to those of earlier batches.
import package::lib::step_index::step_index;

const MEMBERS: u32 = 1u;
const BATCH_SIZE: u32 = 3u; // examples of one batch
const CLASSES: u32 = 4u;
const THRESHOLD: f32 = 0.5;
const WORKGROUP: u32 = 64u;

const NO_EXAMPLE: u32 = 0xffffffffu;

@group(0) @binding(0) var<storage, read> outputs: array<f32>;      // [member, slot, class]
@group(0) @binding(1) var<storage, read> targets: array<f32>;      // [example, class]
@group(0) @binding(2) var<storage, read> batches: array<u32>;      // [step, member, slot]; NO_EXAMPLE fills the last one up
@group(0) @binding(3) var<storage, read_write> counts: array<u32>; // [member, class, (tp, fp, fn)]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    let member = group.z;
    let label = id.x;
    if (label >= CLASSES) {
        return;
    }
    let at = (member * CLASSES + label) * 3u;
    var found = vec3<u32>(counts[at], counts[at + 1u], counts[at + 2u]);
    for (var slot = 0u; slot < BATCH_SIZE; slot++) {
        let example = batches[(step_index() * MEMBERS + member) * BATCH_SIZE + slot];
        if (example != NO_EXAMPLE) {
            let present = targets[example * CLASSES + label] > 0.5;
            let predicted = outputs[(member * BATCH_SIZE + slot) * CLASSES + label] > THRESHOLD;
            found += vec3<u32>(u32(predicted && present), u32(predicted && !present), u32(!predicted && present));
        }
    }
    counts[at] = found.x;
    counts[at + 1u] = found.y;
    counts[at + 2u] = found.z;
}
